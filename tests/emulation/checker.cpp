// Check mode. g++ -fsanitize=thread puts a call before every load and store of the kernel; these are its targets, in
// place of the thread sanitizer's own library. Each byte of the launch's arrays and of shared memory has a shadow that
// tells who used it last and when, counted in the barriers of the block and the meetings of the warp.
#include "runtime.h"

#include <algorithm>
#include <vector>

namespace emu {
namespace {

constexpr uint32_t NOBODY = 0xffffffff, MANY = 0xfffffffe;

struct Use {  // by whom (block * 1024 + thread), and when
    uint32_t who = NOBODY;
    unsigned barriers = 0, meetings = 0;
};
struct Shadow {
    Use write, read;
    bool written = false, atomic = false;
};
struct Range {
    uintptr_t low, high;
    bool shared;
    std::vector<Shadow> bytes;
};

std::vector<Range> ranges;
size_t last = 0;  // the range found last
bool on = false, busy = false, atomic = false;

void add(uintptr_t low, size_t bytes, bool shared) {
    if (bytes) ranges.push_back({low, low + bytes, shared, std::vector<Shadow>(bytes)});
}

void start_block(char *shared, char *shared_end, char *dynamic, size_t dynamic_bytes) {
    ranges.erase(std::remove_if(ranges.begin(), ranges.end(), [](const Range &r) { return r.shared; }), ranges.end());
    add((uintptr_t)shared, shared_end - shared, true);
    add((uintptr_t)dynamic, dynamic_bytes, true);
    last = 0;
}

Use now() {
    uint32_t block = block_index.x + grid_size.x * (block_index.y + grid_size.y * block_index.z);
    return {block << 10 | (uint32_t)current_thread(), barrier_count(), warp_count(current_thread() / 32)};
}

bool same_block(uint32_t a, uint32_t b) { return a >> 10 == b >> 10; }

bool before(const Use &earlier, const Use &later) {  // whether something orders them
    if (earlier.who == NOBODY || earlier.who == later.who) return true;
    if (earlier.who == MANY || !same_block(earlier.who, later.who)) return false;
    if (earlier.barriers != later.barriers) return true;
    return (earlier.who & 1023) / 32 == (later.who & 1023) / 32 && earlier.meetings != later.meetings;
}

bool many_before(const Use &reads, const Use &later, const Range &range) {  // of one block, and a barrier since
    return reads.who == MANY && range.shared && reads.barriers != later.barriers;
}

void race(const char *what, const Use &other, const Range &range, uintptr_t address) {
    size_t byte = address - range.low;
    const char *space = range.shared ? "shared" : "global";
    if (other.who == MANY) fail("race: %s by several threads, %s byte %zu", what, space, byte);
    fail("race: %s by block %u thread %u, %s byte %zu", what, other.who >> 10, other.who & 1023, space, byte);
}

void read(Shadow &byte, const Use &me, const Range &range, uintptr_t address) {
    if (range.shared && !byte.written) fail("read of shared memory that no thread has written, byte %zu", address - range.low);
    if (!(atomic && byte.atomic) && !before(byte.write, me)) race("read after a write", byte.write, range, address);
    if (atomic) return;
    if (before(byte.read, me) || many_before(byte.read, me, range)) byte.read = me;
    else byte.read = {MANY, me.barriers, 0};
}

void write(Shadow &byte, const Use &me, const Range &range, uintptr_t address) {
    if (!(atomic && byte.atomic) && !before(byte.write, me)) race("write after a write", byte.write, range, address);
    if (!atomic && !before(byte.read, me) && !many_before(byte.read, me, range)) race("write after a read", byte.read, range, address);
    byte.write = me;
    byte.written = true;
    byte.atomic = atomic;
}

void access(uintptr_t address, size_t size, bool writes) {
    if (last >= ranges.size() || address < ranges[last].low || address >= ranges[last].high) {
        auto holds = [&](const Range &r) { return address >= r.low && address < r.high; };
        last = std::find_if(ranges.begin(), ranges.end(), holds) - ranges.begin();
    }
    if (last == ranges.size()) {  // the stack or the emulator itself, unless it is near an array
        for (auto &r : ranges)
            if (!r.shared && address >= (r.low & ~4095ul) && address < ((r.high + 4095) & ~4095ul))
                fail("out of bounds of an array of %zu bytes, at byte %ld", r.high - r.low, (long)(address - r.low));
        return;
    }
    Range &range = ranges[last];
    if (address + size > range.high) fail("out of bounds: an access straddles the end of an array");
    Use me = now();
    for (size_t i = 0; i < size; i++) {
        Shadow &byte = range.bytes[address - range.low + i];
        if (writes) write(byte, me, range, address + i);
        else read(byte, me, range, address + i);
    }
}

void called(void *place, size_t size, bool writes) {
    if (!on || busy || current_thread() < 0) return;
    busy = true;
    access((uintptr_t)place, size, writes);
    busy = false;
}

}  // namespace

void begin_atomic() { atomic = true; }
void end_atomic() { atomic = false; }

}  // namespace emu

extern "C" {
#define TARGETS(size)                                                              \
    void __tsan_read##size(void *p) { emu::called(p, size, false); }               \
    void __tsan_write##size(void *p) { emu::called(p, size, true); }               \
    void __tsan_unaligned_read##size(void *p) { emu::called(p, size, false); }     \
    void __tsan_unaligned_write##size(void *p) { emu::called(p, size, true); }
TARGETS(1) TARGETS(2) TARGETS(4) TARGETS(8) TARGETS(16)
void __tsan_read_range(void *p, unsigned long size) { emu::called(p, size, false); }
void __tsan_write_range(void *p, unsigned long size) { emu::called(p, size, true); }
void __tsan_func_entry(void *) {}
void __tsan_func_exit() {}
void __tsan_init() {}
void __tsan_vptr_update(void **, void *) {}

__attribute__((visibility("default"))) void emu_check_begin(int arrays, const uintptr_t *low, const size_t *bytes) {
    emu::ranges.clear();
    for (int i = 0; i < arrays; i++) emu::add(low[i], bytes[i], false);
    emu::on_block = emu::start_block;
    emu::on = true, emu::busy = false, emu::atomic = false;
}
__attribute__((visibility("default"))) void emu_check_end() { emu::on = false; }
}
