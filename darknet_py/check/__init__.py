"""What is wrong with a data set and its network, found before a training: `darknet_py check`."""
