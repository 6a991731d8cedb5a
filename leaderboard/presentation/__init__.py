"""What pages, cards and the API say: figures and rows as text, summaries, charts, citations."""
