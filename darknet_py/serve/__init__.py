"""What a running command shows over HTTP: documents that change, and Darknet's streams of pictures and of JSON."""
