"""`cnntasks explore`: a network as one page of HTML that computes, or remembers, in the browser."""
