"""How each word of a reply was chosen and where it comes from; and the folder of the page that shows it."""
