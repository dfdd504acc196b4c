"""How a document becomes passages: fetched, parsed to text, split, stored."""
