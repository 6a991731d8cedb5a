"""Sends a recipe to a leaderboard's site and follows its verification. Standard library, and rich on a terminal."""
