"""Networks: build, scale and mask them, count their cost, load and save their weights. Most of it needs torch."""
