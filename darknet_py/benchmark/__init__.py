"""What `darknet_py benchmark` measures: times, rates, layers, the machine, memory and energy."""
