"""The studio: one page on which a trained model runs, to be watched and changed by hand."""
