// The emulator: one fiber a CUDA thread, switched by hand. Linux, x86-64.
//
// A fiber runs one thread after another as long as none of them waits; a kernel without barriers is a plain loop on one
// fiber. Where a thread waits, the scheduler starts the next fiber, and later resumes those that wait, in an order that
// the caller chooses: results must not depend on it.
#include "runtime.h"

#include <algorithm>
#include <csetjmp>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <vector>

// Saves the callee's registers on the stack, exchanges stacks.
extern "C" void emu_switch(void **save, void *load);
asm(R"(.text
.globl emu_switch
.hidden emu_switch
emu_switch:
 pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15
 movq %rsp,(%rdi)
 movq %rsi,%rsp
 popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp
 ret
)");

namespace emu {

uint3 thread_index, block_index;
dim3 block_size, grid_size;
char *dynamic_shared = nullptr;
void (*on_block)(char *, char *, char *, size_t) = nullptr;

namespace {

constexpr size_t STACK = 128 << 10;
constexpr size_t MOST_SHARED = 48 << 10;  // bytes a block without opting in
constexpr int WARP = 32, MOST_THREADS = 1024, MASKS = 4;

struct Meeting {  // of a warp's lanes in `mask`
    unsigned mask = 0, arrived = 0, count = 0;
    uint64_t bits[2][WARP];
};
struct Warp {
    Meeting meetings[MASKS];
    int used = 0;
    unsigned whole = 0;  // meetings of all its lanes
};
struct Thread {
    uint3 index;
    int fiber, line;
    bool done;
};

std::vector<Thread> threads;
std::vector<Warp> warps;
std::vector<int> order;            // in which threads start and are resumed
std::vector<void *> stacks, tops;  // of the fibers: memory, and the stack pointer while suspended
void *scheduler;                   // its stack pointer while a fiber runs
void (*kernel)(void *);
void *kernel_closure;
int current = -1, fiber = 0, next_thread = 0, alive = 0, count = 0;
int waiting_at_barrier = 0, barrier_line = 0;
unsigned barriers = 0;
bool progress = false;
int order_kind = FORWARD;
unsigned order_seed = 0;
size_t dynamic_size = 0;
char message[512];
sigjmp_buf trap;

void say_where(const char *what) {
    snprintf(message, sizeof message, "%s [block (%u,%u,%u) thread (%u,%u,%u)]", what, block_index.x, block_index.y,
             block_index.z, thread_index.x, thread_index.y, thread_index.z);
}

void wait() {  // until the scheduler resumes this thread
    int me = current;
    emu_switch(&tops[threads[me].fiber], scheduler);
    current = me;
    thread_index = threads[me].index;
}

void run_threads() {
    int me = fiber;
    while (next_thread < count) {
        int t = order[next_thread++];
        current = t;
        threads[t].fiber = me;
        thread_index = threads[t].index;
        kernel(kernel_closure);
        threads[current].done = true;
        alive--;
        progress = true;
    }
    void *unused;
    emu_switch(&unused, scheduler);
    __builtin_unreachable();
}

void prepare_fiber(int f) {
    if (f == (int)stacks.size()) {
        void *memory = mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        stacks.push_back(memory);
        tops.push_back(nullptr);
    }
    void **top = (void **)((char *)stacks[f] + STACK - 64);
    *--top = nullptr;
    *--top = (void *)run_threads;
    for (int i = 0; i < 6; i++) *--top = nullptr;
    tops[f] = top;
}

void enter(int f) {
    fiber = f;
    emu_switch(&scheduler, tops[f]);
}

void resume(int t) {
    if (!threads[t].done) enter(threads[t].fiber);
}

void resume_by_warps() {  // a warp as far as it gets, then the next
    bool any = progress;
    for (int i = 0; i < (int)warps.size(); i++) {
        int first = WARP * (order_kind == WARPS_FORWARD ? i : (int)warps.size() - 1 - i);
        do {
            progress = false;
            for (int t = first; t < std::min(first + WARP, count) && alive; t++) resume(t);
            any |= progress;
        } while (progress && alive);
    }
    progress = any;
}

void run_block(char *shared, char *shared_end, size_t dynamic_bytes) {
    if (shared) memset(shared, 0xff, shared_end - shared);  // NaN
    memset(dynamic_shared, 0xff, dynamic_bytes);
    for (auto &w : warps) w.used = 0, w.whole = 0;
    for (auto &t : threads) t.done = false, t.line = 0;
    if (on_block) on_block(shared, shared_end, dynamic_shared, dynamic_bytes);
    next_thread = 0, alive = count, waiting_at_barrier = 0;
    int fibers = 0;
    while (alive) {
        progress = false;
        while (next_thread < count) {
            prepare_fiber(fibers);
            enter(fibers++);
        }
        if (order_kind >= WARPS_FORWARD) resume_by_warps();
        else
            for (int t : order) resume(t);
        if (alive && !progress)
            for (auto &t : threads)
                if (!t.done) {
                    thread_index = t.index;
                    fail("deadlock: a thread waits at line %d for threads that have returned or wait elsewhere", t.line);
                }
    }
}

void order_threads() {
    for (int t = 0; t < count; t++) order[t] = order_kind == REVERSE ? count - 1 - t : t;
    if (order_kind != SHUFFLED) return;
    unsigned random = order_seed * 2654435761u + 12345;
    for (int t = count - 1; t > 0; t--) {
        random = random * 1664525u + 1013904223u;
        std::swap(order[t], order[(random >> 8) % (t + 1)]);
    }
}

void on_fault(int, siginfo_t *info, void *) {
    char text[80];
    snprintf(text, sizeof text, "illegal memory access at %p", info->si_addr);
    say_where(text);
    siglongjmp(trap, 1);
}

bool refuse(const char *why) {
    snprintf(message, sizeof message, "%s", why);
    return true;
}

bool impossible(dim3 g, dim3 b, size_t dynamic_bytes) {
    unsigned long long size = (unsigned long long)b.x * b.y * b.z;
    if (!size || size > MOST_THREADS || b.z > 64) return refuse("invalid block: 1 to 1024 threads, at most 64 in z");
    if (!g.x || !g.y || !g.z || g.x > 2147483647u || g.y > 65535 || g.z > 65535) return refuse("invalid grid");
    if (dynamic_bytes > MOST_SHARED) return refuse("more than 48 KiB of dynamic shared memory");
    return false;
}

}  // namespace

void fail(const char *format, ...) {
    char text[400];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    say_where(text);
    siglongjmp(trap, 1);
}

void barrier(int line) {
    if (alive != count) fail("__syncthreads() at line %d after some threads of the block have returned", line);
    if (waiting_at_barrier == 0) barrier_line = line;
    if (barrier_line != line) fail("divergent __syncthreads(): lines %d and %d", barrier_line, line);
    threads[current].line = line;
    progress = true;
    unsigned now = barriers;
    if (++waiting_at_barrier == count) {
        waiting_at_barrier = 0;
        barriers++;
    }
    while (now == barriers) wait();
}

uint64_t exchange(unsigned mask, uint64_t bits, int source, int line) {
    Warp &warp = warps[current / WARP];
    int me = lane(), first = current - me, lanes = std::min(WARP, count - first);
    unsigned exist = lanes == WARP ? 0xffffffffu : (1u << lanes) - 1;
    if (!(mask >> me & 1)) fail("warp exchange at line %d: the calling lane is not in the mask", line);
    if (mask & ~exist && mask != 0xffffffffu) fail("warp exchange at line %d: the mask names lanes that don't exist", line);
    unsigned needed = mask & exist;
    for (int i = 0; i < lanes; i++)
        if ((needed >> i & 1) && threads[first + i].done) fail("warp exchange at line %d: lane %d has returned", line, i);
    Meeting *meeting = std::find_if(warp.meetings, warp.meetings + warp.used, [&](Meeting &m) { return m.mask == mask; });
    if (meeting == warp.meetings + warp.used) {
        if (warp.used == MASKS) fail("warp exchange at line %d: more than %d masks in a kernel", line, MASKS);
        warp.used++;
        meeting->mask = mask, meeting->arrived = 0, meeting->count = 0;
    }
    threads[current].line = line;
    progress = true;
    unsigned now = meeting->count;
    meeting->bits[now & 1][me] = bits;
    meeting->arrived |= 1u << me;
    if (meeting->arrived == needed) {
        meeting->arrived = 0;
        meeting->count++;
        if (needed == exist) warp.whole++;
    }
    while (now == meeting->count) wait();
    return needed >> (source & 31) & 1 ? meeting->bits[now & 1][source & 31] : bits;  // undefined on a GPU: its own
}

int lane() { return current % WARP; }
int current_thread() { return current; }
unsigned barrier_count() { return barriers; }
unsigned warp_count(int warp) { return warps[warp].whole; }
const char *error() { return message; }
void set_order(int kind, unsigned seed) { order_kind = kind, order_seed = seed; }

int run(dim3 grid, dim3 block, size_t dynamic_bytes, void (*call)(void *), void *closure, char *shared, char *shared_end) {
    message[0] = 0;
    if (impossible(grid, block, dynamic_bytes)) return 1;
    grid_size = grid, block_size = block, kernel = call, kernel_closure = closure;
    count = block.x * block.y * block.z;
    threads.resize(count), order.resize(count), warps.resize((count + WARP - 1) / WARP);
    for (unsigned t = 0; t < (unsigned)count; t++)
        threads[t].index = {t % block.x, t / block.x % block.y, t / block.x / block.y};
    order_threads();
    if (dynamic_size < dynamic_bytes + 64) {
        free(dynamic_shared);
        dynamic_size = (dynamic_bytes + 191) & ~63ul;
        dynamic_shared = (char *)aligned_alloc(64, dynamic_size);
    }
    struct sigaction ours = {}, before;
    ours.sa_sigaction = on_fault;
    ours.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaction(SIGSEGV, &ours, &before);
    if (sigsetjmp(trap, 1) == 0) {
        unsigned long blocks = (unsigned long)grid.x * grid.y * grid.z;
        bool backwards = order_kind == REVERSE || order_kind == WARPS_REVERSE;
        for (unsigned long i = 0; i < blocks; i++) {
            unsigned long b = backwards ? blocks - 1 - i : i;
            block_index = {(unsigned)(b % grid.x), (unsigned)(b / grid.x % grid.y), (unsigned)(b / grid.x / grid.y)};
            run_block(shared, shared_end, dynamic_bytes);
        }
    }
    current = -1;
    sigaction(SIGSEGV, &before, nullptr);
    return message[0] != 0;
}

}  // namespace emu

extern "C" {
__attribute__((visibility("default"))) const char *emu_error() { return emu::error(); }
__attribute__((visibility("default"))) void emu_order(int kind, unsigned seed) { emu::set_order(kind, seed); }
}
