"""Logs of other programs as tables: CSV and Parquet, and the lines that monitors print; a file a format."""
