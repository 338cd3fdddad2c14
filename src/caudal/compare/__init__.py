"""The main job: from a table to an honest verdict."""
