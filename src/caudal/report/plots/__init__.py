"""Pictures as SVG text, each with a title and a description for those who do not see it."""
