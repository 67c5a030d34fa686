// The emulator's inside as the kernels' side (device.h) and the checker (checker.cpp) see it.
#pragma once
#include <cstddef>
#include <cstdint>

struct uint3 { unsigned x, y, z; };
struct dim3 {
    unsigned x, y, z;
    dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {}
};

namespace emu {

enum Order { FORWARD, REVERSE, SHUFFLED, WARPS_FORWARD, WARPS_REVERSE };

extern uint3 thread_index, block_index;
extern dim3 block_size, grid_size;
extern char *dynamic_shared;

[[noreturn]] void fail(const char *format, ...);  // ends the launch with a message that names block and thread
void barrier(int line);
uint64_t exchange(unsigned mask, uint64_t bits, int source, int line);  // all lanes of `mask` meet; the source's bits
int lane();

// Runs all blocks. call(closure) runs the kernel for the current thread. 0, or 1 with error() set.
int run(dim3 grid, dim3 block, size_t dynamic_bytes, void (*call)(void *), void *closure, char *shared, char *shared_end);
const char *error();
void set_order(int order, unsigned seed);

// Who runs, for the checker.
int current_thread();
unsigned barrier_count();
unsigned warp_count(int warp);  // how often the whole warp has met

// Check mode; without it these do nothing (checker.cpp isn't linked).
void begin_atomic();
void end_atomic();
extern void (*on_block)(char *shared, char *shared_end, char *dynamic, size_t dynamic_bytes);

}  // namespace emu
