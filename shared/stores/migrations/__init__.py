"""The history of the tables, a folder for each schema."""
