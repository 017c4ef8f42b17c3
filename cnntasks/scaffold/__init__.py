"""`cnntasks plugins new`: complete projects of plugins, written from the templates beside this."""
