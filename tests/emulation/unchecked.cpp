// What check mode hooks into, for the fast mode, in which it does nothing.
#include "runtime.h"

void emu::begin_atomic() {}
void emu::end_atomic() {}
