"""PTX -> C++ for the emulator: what NVIDIA's compiler made of a kernel, run on the processor.

It brings the compiler's own expf and tanhf, its fused multiplications and additions, and denormals that are 0. An
instruction that isn't here raises PtxError. Approximations of the hardware (ex2.approx) are computed exactly.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.emulation.ptx import BITS, Instruction, Kernel, Memory, Module, PtxError, read

REALS = ("f16", "f32", "f64")
SPECIAL = {
    f"%{name}.{axis}": f"emu::{variable}.{axis}"
    for name, variable in (
        ("tid", "thread_index"),
        ("ctaid", "block_index"),
        ("ntid", "block_size"),
        ("nctaid", "grid_size"),
    )
    for axis in "xyz"
} | {"%laneid": "emu::lane()"}
COMPARED = {
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "lo": "<",
    "ls": "<=",
    "hi": ">",
    "hs": ">=",
}
SIGNS = {"add": "+", "sub": "-", "mul": "*", "and": "&", "or": "|", "xor": "^"}
FUNCTIONS = {
    "min": "ptx::min",
    "max": "ptx::max",
    "div": "ptx::div",
    "rem": "ptx::rem",
    "abs": "ptx::absolute",
    "ex2": "exp2",
    "lg2": "log2",
    "sqrt": "sqrt",
    "sin": "sin",
    "cos": "cos",
    "tanh": "tanh",
}
WHOLE = {"rzi": "trunc", "rni": "nearbyint", "rmi": "floor", "rpi": "ceil"}


def translated(text: str) -> str:
    """The C++ of a PTX text."""
    module = read(text)
    constants = [m for m in module.memory if m.space in ("global", "const")]
    parts = ['#include "ptx.h"', *map(_array, constants)]
    for kernel in module.kernels:
        shared, own_bytes = _shared(kernel, module)
        parts.append(Body(kernel, shared).text())
        parts.append(f"PTX_EXPORT({kernel.name}, {own_bytes})")
    return "\n".join(parts) + "\n"


def _shared(kernel: Kernel, module: Module) -> tuple[dict[str, int], int]:
    """Where each shared array that a kernel names lies, those of the launch's size last; and the bytes of the rest."""
    named = {name for i in kernel.code for operand in i.operands for name in re.findall(r"[\w$]+", operand)}
    arrays = [m for m in (*module.memory, *kernel.memory) if m.space == "shared" and m.name in named]
    places, end = {}, 0
    for memory in sorted(arrays, key=lambda m: m.count is None):
        end = -(-end // max(16, memory.alignment)) * max(16, memory.alignment)
        places[memory.name] = end
        end += memory.bytes
    return places, -(-end // 16) * 16


def _array(memory: Memory) -> str:
    values = memory.values if memory.values.startswith("{") or not memory.values else f"{{{memory.values}}}"
    start = f"alignas({memory.alignment}) static {c_type(memory.type)} {_name(memory.name)}[{memory.count}]"
    return f"{start}{' = ' + values if values else ''};"


def c_type(kind: str) -> str:
    """C++'s type for PTX's."""
    if kind in REALS:
        return {"f16": "_Float16", "f32": "float", "f64": "double"}[kind]
    if kind == "pred":
        return "bool"
    if kind not in BITS:
        raise PtxError(f"type {kind}")
    return f"{'int' if kind[0] == 's' else 'uint'}{BITS[kind]}_t"


def _name(name: str) -> str:
    """A PTX name as one of C++."""
    return re.sub(r"[%$.]", "_", name)


def _parts(operand: str) -> list[str]:
    """``{a, b}`` -> a, b"""
    return [p.strip() for p in operand[1:-1].split(",")] if operand.startswith("{") else [operand]


class Body:
    """One kernel as a C++ function."""

    def __init__(self, kernel: Kernel, shared: dict[str, int]) -> None:
        self.kernel, self.shared = kernel, shared
        self.local = {m.name for m in kernel.memory if m.space == "local"}

    def text(self) -> str:
        """The function."""
        parameters = ", ".join(f"{c_type(kind)} {_name(name)}" for name, kind in self.kernel.parameters)
        code = [self.statement(i) for i in self.kernel.code]
        used = set(re.findall(r"\br_\w+", " ".join(code)))
        registers = (
            f"{'bool' if kind == 'pred' else f'uint{BITS[kind]}_t'} r{_name(name)};"
            for name, kind in self.kernel.registers.items()
            if f"r{_name(name)}" in used
        )
        local = (
            f"alignas({m.alignment}) char {_name(m.name)}[{m.bytes}];" for m in self.kernel.memory if m.space == "local"
        )
        lines = "\n  ".join([*registers, *local, *code])
        return f'extern "C" __attribute__((noinline)) void {self.kernel.name}({parameters}) {{\n  {lines}\n}}'

    def statement(self, i: Instruction) -> str:
        """One instruction, or a label."""
        if i.name.endswith(":"):
            return f"{_name(i.name[:-1])}:;"
        if i.name not in EMITTERS:
            raise PtxError(f"instruction {i}")
        guard = f"if ({i.guard[0]}r{_name(i.guard[1])}) " if i.guard else ""
        return f"{guard}{{ {EMITTERS[i.name](self, i)} }}"

    def value(self, operand: str, kind: str) -> str:
        """An operand as C++'s type for `kind`."""
        wanted = c_type(kind)
        if operand in SPECIAL:
            return f"(({wanted}){SPECIAL[operand]})"
        if operand in self.kernel.registers:
            return f"ptx::as<{wanted}>(r{_name(operand)})"
        real = re.fullmatch(r"0[fFdD]([0-9A-Fa-f]+)", operand)
        if real:
            return f"ptx::as<{wanted}>(0x{real[1]}{'ull' if len(real[1]) > 8 else 'u'})"
        if re.fullmatch(r"-?(0x)?[0-9A-Fa-f]+U?", operand):
            return f"(({wanted}){operand.rstrip('U')}ll)"
        return f"(({wanted}){self.symbol(operand)})"

    def symbol(self, name: str) -> str:
        """The address of an array; in shared memory, counted from its beginning."""
        return f"{self.shared[name]}" if name in self.shared else f"(uint64_t){_name(name)}"

    def flushed(self, operand: str, i: Instruction, kind: str = "") -> str:
        """The same, denormals 0 if the instruction says so."""
        value = self.value(operand, kind or i.type)
        return f"ptx::ftz({value})" if "ftz" in i.modifiers and (kind or i.type) == "f32" else value

    def put(self, target: str, value: str, kind: str) -> str:
        """Writes a value of that type into a register."""
        if target == "_":
            return f"(void)({value});"
        return f"ptx::put<{c_type(kind)}>(r{_name(target)}, {value});"

    def finished(self, i: Instruction, value: str) -> str:
        """Writes the result of an instruction, as its modifiers say."""
        if i.type == "f32":
            value = f"ptx::ftz({value})" if "ftz" in i.modifiers else value
            value = f"ptx::sat({value})" if "sat" in i.modifiers else value
        return self.put(i.operands[0], value, i.type)

    def address(self, operand: str, space: str) -> str:
        """``[base+offset]`` as a number of 64 bits."""
        base, _, offset = operand[1:-1].replace(" ", "").partition("+")
        offset = offset or "0"
        if space == "param":
            return f"((uint64_t)&{_name(base)} + ({offset}))"
        if space == "shared":
            return f"ptx::shared({self.value(base, 'u32')} + ({offset}))"
        return f"({self.value(base, 'u64')} + ({offset}))"


Emitter = Callable[[Body, Instruction], str]
EMITTERS: dict[str, Emitter] = {}


def emits(*names: str) -> Callable[[Emitter], Emitter]:
    """Makes a function known as the translation of these instructions."""

    def add(function: Emitter) -> Emitter:
        EMITTERS.update(dict.fromkeys(names, function))
        return function

    return add


# --- flow ------------------------------------------------------------------------------------------------------------
@emits("bra")
def _branch(b: Body, i: Instruction) -> str:
    return f"goto {_name(i.operands[0])};"


@emits("ret", "exit")
def _return(b: Body, i: Instruction) -> str:
    return "return;"


@emits("bar", "barrier")
def _barrier(b: Body, i: Instruction) -> str:
    if "warp" in i.modifiers:
        return f"emu::exchanged({b.value(i.operands[0], 'u32')}, 0, 0, {i.number});"
    return f"emu::barrier({i.number});"


@emits("membar", "fence", "pragma", "prefetch", "nanosleep")
def _nothing(b: Body, i: Instruction) -> str:
    return ";"


# --- moves -----------------------------------------------------------------------------------------------------------
@emits("mov")
def _move(b: Body, i: Instruction) -> str:
    targets, sources = _parts(i.operands[0]), _parts(i.operands[1])
    if len(sources) > 1:  # several registers into one
        width = BITS[i.type] // len(sources)
        bits = (f"(({c_type(i.type)}){b.value(s, f'b{width}')} << {k * width})" for k, s in enumerate(sources))
        return b.put(targets[0], " | ".join(bits), i.type)
    if len(targets) > 1:  # one into several
        width = BITS[i.type] // len(targets)
        whole = b.value(sources[0], i.type)
        return " ".join(
            b.put(t, f"({c_type(f'b{width}')})({whole} >> {k * width})", f"b{width}") for k, t in enumerate(targets)
        )
    return b.put(targets[0], b.value(sources[0], i.type), i.type)


@emits("ld", "ldu", "st")
def _memory(b: Body, i: Instruction) -> str:
    place, data = i.operands if i.name == "st" else i.operands[::-1]
    space = next((m for m in i.modifiers if m in ("param", "global", "shared", "local", "const")), "")
    numbers, kind, size = _parts(data), c_type(i.type), BITS[i.type] // 8
    lines = [f"const uint64_t place = {b.address(place, space)};"]
    if space == "param":
        return lines[0] + b.put(numbers[0], f"*({kind} *)place", i.type)
    for k, number in enumerate(numbers):
        element = f"ptx::at<{kind}>(place + {k * size}, {size * len(numbers) if k == 0 else size})"
        lines.append(f"{element} = {b.value(number, i.type)};" if i.name == "st" else b.put(number, element, i.type))
    return " ".join(lines)


@emits("cvta")
def _generic(b: Body, i: Instruction) -> str:
    value = b.value(i.operands[1], i.type)
    if "shared" in i.modifiers:
        value = f"{value} - ptx::shared(0)" if "to" in i.modifiers else f"ptx::shared(0) + {value}"
    return b.put(i.operands[0], value, i.type)


@emits("selp")
def _select(b: Body, i: Instruction) -> str:
    target, yes, no, predicate = i.operands
    return b.put(target, f"{b.value(predicate, 'pred')} ? {b.value(yes, i.type)} : {b.value(no, i.type)}", i.type)


# --- arithmetic ------------------------------------------------------------------------------------------------------
@emits("add", "sub", "mul", "and", "or", "xor")
def _binary(b: Body, i: Instruction) -> str:
    if "wide" in i.modifiers or "hi" in i.modifiers:
        return _wide(b, i)
    first, second = (b.flushed(o, i) for o in i.operands[1:])
    rounding = next((m for m in i.modifiers if m in ("rm", "rp", "rz")), None)
    if rounding and i.type == "f32":
        return b.finished(i, f"ptx::{rounding}((double){first} {SIGNS[i.name]} (double){second})")
    return b.finished(i, f"({c_type(i.type)})({first} {SIGNS[i.name]} {second})")


@emits("mad")
def _multiply_add(b: Body, i: Instruction) -> str:
    if i.type in REALS:
        return _fused(b, i)
    if "wide" in i.modifiers or "hi" in i.modifiers:
        return _wide(b, i)
    first, second, third = (b.value(o, i.type) for o in i.operands[1:])
    return b.finished(i, f"({c_type(i.type)})({first} * {second} + {third})")


def _wide(b: Body, i: Instruction) -> str:
    """Products of twice as many bits, or their upper half."""
    first, second, *added = i.operands[1:]
    kind, double = i.type, f"{i.type[0]}{2 * BITS[i.type]}"
    if "hi" in i.modifiers:
        wide = c_type(double) if double in BITS else f"{'' if kind[0] == 's' else 'unsigned '}__int128"
        value = f"ptx::high<{wide}>({b.value(first, kind)}, {b.value(second, kind)})"
        return b.put(i.operands[0], f"({c_type(kind)})({value}{_plus(b, added, kind)})", kind)
    value = f"({c_type(double)}){b.value(first, kind)} * ({c_type(double)}){b.value(second, kind)}"
    return b.put(i.operands[0], value + _plus(b, added, double), double)


def _plus(b: Body, added: list[str], kind: str) -> str:
    return f" + {b.value(added[0], kind)}" if added else ""


@emits("fma")
def _fused(b: Body, i: Instruction) -> str:
    factors = [b.flushed(o, i) for o in i.operands[1:]]
    rounding = next((m for m in i.modifiers if m in ("rm", "rp", "rz")), None)
    if rounding:
        return b.finished(i, f"ptx::{rounding}(fma({', '.join(f'(double){f}' for f in factors)}))")
    return b.finished(i, f"{'fmaf' if i.type == 'f32' else 'fma'}({', '.join(factors)})")


@emits("min", "max", "div", "rem", "abs", "ex2", "lg2", "sqrt", "sin", "cos", "tanh")
def _function(b: Body, i: Instruction) -> str:
    arguments = ", ".join(b.flushed(o, i) for o in i.operands[1:])
    name = FUNCTIONS[i.name]
    return b.finished(i, f"{name if '::' in name or i.type != 'f32' else name + 'f'}({arguments})")


@emits("rcp", "rsqrt")
def _inverse(b: Body, i: Instruction) -> str:
    value = b.flushed(i.operands[1], i)
    if i.name == "rsqrt":
        value = f"sqrt{'f' if i.type == 'f32' else ''}({value})"
    return b.finished(i, f"({c_type(i.type)})1 / {value}")


@emits("neg", "not")
def _sign(b: Body, i: Instruction) -> str:
    sign = "-" if i.name == "neg" else "!" if i.type == "pred" else "~"
    return b.finished(i, f"({c_type(i.type)})({sign}{b.flushed(i.operands[1], i)})")


@emits("copysign")
def _copysign(b: Body, i: Instruction) -> str:
    of, size = (b.value(o, i.type) for o in i.operands[1:])
    return b.put(i.operands[0], f"({c_type(i.type)})copysign((double){size}, (double){of})", i.type)


@emits("shl", "shr")
def _shift(b: Body, i: Instruction) -> str:
    return b.finished(
        i, f"ptx::{i.name}<{c_type(i.type)}>({b.value(i.operands[1], i.type)}, {b.value(i.operands[2], 'u32')})"
    )


@emits("clz", "popc")
def _count(b: Body, i: Instruction) -> str:
    value = b.value(i.operands[1], i.type.replace("b", "u"))
    many = "ll" if BITS[i.type] == 64 else ""
    counted = f"__builtin_popcount{many}({value})"
    if i.name == "clz":
        counted = f"({value} ? __builtin_clz{many}({value}) : {BITS[i.type]})"
    return b.put(i.operands[0], counted, "u32")


@emits("setp", "set")
def _compare(b: Body, i: Instruction) -> str:
    target, first, second, *others = i.operands
    comparison, x, y = i.modifiers[0], b.flushed(first, i), b.flushed(second, i)
    value = _compared(comparison, x, y, i.type in REALS)
    joined = next((m for m in i.modifiers[1:] if m in ("and", "or", "xor")), None)
    if joined:
        other = others[0]
        value = f"({value}) {SIGNS[joined]} {'!' if other[0] == '!' else ''}{b.value(other.lstrip('!'), 'pred')}"
    targets = target.split("|")
    lines = [b.put(targets[0], value, "pred")]
    return " ".join([*lines, *(b.put(t, f"!({value})", "pred") for t in targets[1:])])


def _compared(name: str, x: str, y: str, real: bool) -> str:
    """x compared with y. With reals, a name ending with u is also true where one isn't a number; ne and num aren't."""
    odd = f"({x} != {x} || {y} != {y})"
    if name in ("nan", "num"):
        return odd if name == "nan" else f"!{odd}"
    if real and name in ("equ", "neu", "ltu", "leu", "gtu", "geu"):
        return f"{odd} || {x} {COMPARED[name[:2]]} {y}"
    if name not in COMPARED:
        raise PtxError(f"comparison {name}")
    return f"!{odd} && {x} != {y}" if real and name == "ne" else f"{x} {COMPARED[name]} {y}"


@emits("cvt")
def _convert(b: Body, i: Instruction) -> str:
    to, source = [m for m in i.modifiers if m in BITS][-2:]
    value = b.flushed(i.operands[1], i, source)
    rounding = next((WHOLE[m] for m in i.modifiers if m in WHOLE), None)
    if source in REALS and to not in REALS:
        return b.put(i.operands[0], f"ptx::whole<{c_type(to)}>({rounding}((double){value}))", to)
    if rounding:
        value = f"{rounding}((double){value})"
    value = f"({c_type(to)})({value})"
    if to == "f32":
        value = f"ptx::sat({value})" if "sat" in i.modifiers else value
        value = f"ptx::ftz({value})" if "ftz" in i.modifiers else value
    return b.put(i.operands[0], value, to)


# --- threads together ------------------------------------------------------------------------------------------------
@emits("shfl")
def _shuffle(b: Body, i: Instruction) -> str:
    targets = i.operands[0].split("|")
    way = next(m for m in i.modifiers if m in ("up", "down", "bfly", "idx")).upper()
    inside = f"&r{_name(targets[1])}" if len(targets) > 1 else "nullptr"
    values = ", ".join(b.value(o, "u32") for o in i.operands[1:])
    return b.put(targets[0], f"ptx::shuffle(ptx::{way}, {values}, {inside}, {i.number})", "b32")


@emits("wmma")
def _tensor_cores(b: Body, i: Instruction) -> str:
    if "m16n16k16" not in i.modifiers:
        raise PtxError(f"instruction {i}")
    what, columns = i.modifiers[0], "col" in i.modifiers
    if what == "mma":
        lines = [_fragment(n, o) for n, o in zip("dabc", i.operands, strict=True)]
        return " ".join([*lines, f"ptx::multiply_tiles(d, a, b, c, {i.number});"])
    data, place = i.operands[:2] if what == "load" else i.operands[1::-1]
    space = next((m for m in i.modifiers if m in ("global", "shared")), "")
    step = b.value(i.operands[2], "u32")
    function = "store_float" if what == "store" else "load_half" if i.type == "f16" else "load_float"
    arguments = f"{b.address(place, space)}, {step}, {str(columns).lower()}, f, {i.number}"
    return f"{_fragment('f', data)} ptx::{function}({arguments});"


def _fragment(name: str, operand: str) -> str:
    registers = [f"&r{_name(r)}" for r in _parts(operand)]
    return f"uint32_t *const {name}[8] = {{{', '.join(registers)}}};"
