"""darknet_py side by side with other programs, and how its cost grows. See docs/performance.md."""
