"""Programs for those who work on the project: building the front end, fonts, catalogues, packages, pictures."""
