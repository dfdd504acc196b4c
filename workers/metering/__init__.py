"""From draws to the bill: usage records, rollups, exports."""
