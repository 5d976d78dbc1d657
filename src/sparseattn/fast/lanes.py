"""Sixteen numbers at once: a vector of float32 lanes, and what numba can do with it.

A compiler finds its own vectors only in simple loops, and never keeps a row of sums in registers. With lanes
the kernels say what lies in a register. LLVM makes two AVX or four NEON vectors of one where a processor has
none of 512 bits. Places are counted from the first number of an array and are not checked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, register_model

LANES = 16

_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_INTEGER = ir.IntType(32)
_FAST = ("contract", "nsz", "arcp")


class Lanes(types.Type):
    """Numba's name for a vector of sixteen float32."""

    def __init__(self) -> None:
        super().__init__(name="Lanes16")


lanes = Lanes()


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)


def _address(context: Any, builder: Any, array_type: Any, array: Any, place: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [place])


def _spread(builder: Any, number: Any) -> Any:
    one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), number, ir.Constant(_INTEGER, 0))
    mask = ir.Constant(ir.VectorType(_INTEGER, LANES), [0] * LANES)
    return builder.shuffle_vector(one, ir.Constant(_VECTOR, ir.Undefined), mask)


@intrinsic
def load(typing: Any, array: Any, place: Any) -> Any:
    """Return the sixteen numbers of a float32 array from a place on."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        at = _address(context, builder, signature.args[0], *arguments)
        return builder.load(builder.bitcast(at, _VECTOR.as_pointer()), align=4)

    return lanes(array, types.intp), code


@intrinsic
def store(typing: Any, array: Any, place: Any, vector: Any) -> Any:
    """Write sixteen numbers into a float32 array from a place on."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        at = _address(context, builder, signature.args[0], *arguments[:2])
        builder.store(arguments[2], builder.bitcast(at, _VECTOR.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), code


@intrinsic
def number_at(typing: Any, array: Any, place: Any) -> Any:
    """Return one number of an array; a place below zero is not counted from the end, which costs time."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_address(context, builder, signature.args[0], *arguments))

    return array.dtype(array, types.intp), code


@intrinsic
def spread_at(typing: Any, array: Any, place: Any) -> Any:
    """Return one number of a float32 array in all lanes."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _spread(builder, builder.load(_address(context, builder, signature.args[0], *arguments)))

    return lanes(array, types.intp), code


@intrinsic
def spread(typing: Any, number: Any) -> Any:
    """Return a number in all lanes."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _spread(builder, arguments[0])

    return lanes(types.float32), code


def _operation(emit: Callable[..., Any], count: int, what: str) -> Any:
    """Return an intrinsic that makes lanes of ``count`` lanes."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return emit(builder, *arguments)

    signature = lanes(*[lanes] * count)

    def one(typing: Any, a: Any) -> Any:
        return signature, code

    def two(typing: Any, a: Any, b: Any) -> Any:
        return signature, code

    def three(typing: Any, a: Any, b: Any, c: Any) -> Any:
        return signature, code

    forms: tuple[Callable[..., Any], ...] = (one, two, three)
    typed = forms[count - 1]
    typed.__name__ = typed.__qualname__ = what
    return intrinsic(typed)


def _multiply_add(builder: Any, a: Any, b: Any, c: Any) -> Any:
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.fma.v16f32"), [a, b, c])


def _larger(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _smaller(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


def _rounded(builder: Any, a: Any) -> Any:
    kind = ir.FunctionType(_VECTOR, [_VECTOR])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.rint.v16f32"), [a])


def _power_of_two(builder: Any, a: Any) -> Any:
    integers = ir.VectorType(_INTEGER, LANES)
    exponent = builder.add(builder.fptosi(a, integers), ir.Constant(integers, [127] * LANES))
    return builder.bitcast(builder.shl(exponent, ir.Constant(integers, [23] * LANES)), _VECTOR)


fma = _operation(_multiply_add, 3, "fma")
add = _operation(lambda builder, a, b: builder.fadd(a, b, flags=_FAST), 2, "add")
sub = _operation(lambda builder, a, b: builder.fsub(a, b, flags=_FAST), 2, "sub")
mul = _operation(lambda builder, a, b: builder.fmul(a, b, flags=_FAST), 2, "mul")
div = _operation(lambda builder, a, b: builder.fdiv(a, b, flags=_FAST), 2, "div")
larger = _operation(_larger, 2, "larger")
smaller = _operation(_smaller, 2, "smaller")
rounded = _operation(_rounded, 1, "rounded")
power_of_two = _operation(_power_of_two, 1, "power_of_two")
"""2 to the power of a whole number between -126 and 127."""


@intrinsic
def total(typing: Any, vector: Any) -> Any:
    """Return the sum over the lanes."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector, width = arguments[0], LANES
        while width > 1:
            width //= 2
            halves = [
                builder.shuffle_vector(
                    vector,
                    vector,
                    ir.Constant(ir.VectorType(_INTEGER, width), list(range(start, start + width))),
                )
                for start in (0, width)
            ]
            vector = builder.fadd(*halves, flags=_FAST)
        return builder.extract_element(vector, ir.Constant(_INTEGER, 0))

    return types.float32(lanes), code


__all__ = [
    "LANES", "add", "div", "fma", "larger", "load", "mul", "number_at", "power_of_two", "rounded", "smaller",
    "spread", "spread_at", "store", "sub", "total",
]  # fmt: skip
