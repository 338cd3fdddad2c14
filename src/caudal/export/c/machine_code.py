"""Start-up, counters and printing for each kind of machine that `targets.py` runs an export on."""

# Steps whose instructions are counted, unless asked otherwise.
COUNTED_STEPS = 64

_MAIN = """
#include "@.h"
uint32_t @_hash(void);
uint32_t machine_ticks(void);
void machine_start(void);
void machine_put(char c);
void machine_end(void);
extern const uint32_t machine_scale; /* instructions or cycles per tick, times 256 */

static void put_word(uint32_t word)
{
    int k;
    machine_put(' ');
    for (k = 28; k >= 0; k -= 4)
    {
        machine_put("0123456789abcdef"[(word >> k) & 15u]);
    }
}

static @_state state;
#ifdef FLOATS
static float x[UPPER_INPUTS], y[UPPER_OUTPUTS];
#else
static int32_t x[UPPER_INPUTS], y[UPPER_OUTPUTS];
#endif

static uint32_t random_now = 12345u;
static uint32_t least = 0xFFFFFFFFu, most;

static uint32_t ticks_of_steps(void)
{
    uint32_t total = 0u;
    int step;
    int i;
    @_init(&state);
    for (step = 0; step < COUNTED; ++step)
    {
        uint32_t begin;
        for (i = 0; i < UPPER_INPUTS; ++i)
        {
            random_now = (random_now * 1664525u) + 1013904223u;
            x[i] = (int32_t)(random_now >> 19) - 4096;
#ifdef FLOATS
            x[i] = x[i] / 4096.0f;
#endif
        }
        begin = machine_ticks();
        (void)@_step(&state, x, ONE, y);
        begin = machine_ticks() - begin;
        total += begin;
        least = (begin < least) ? begin : least;
        most = (begin > most) ? begin : most;
    }
    return total;
}

int main(void)
{
    uint32_t digest;
    uint32_t ticks;
    int k;
    machine_start();
    digest = @_hash();
    ticks = ticks_of_steps();
    for (k = 0; k < 6; ++k)
    {
        machine_put("caudal"[k]);
    }
    put_word(digest);
    put_word(ticks);
    put_word(machine_scale);
    put_word(sizeof(state));
    put_word(least);
    put_word(most);
    machine_put('\\n');
    machine_end();
    return 0;
}
"""

_HOST = """
#include <stdint.h>
#include <stdio.h>
const uint32_t machine_scale = 0;
void machine_start(void) {}
uint32_t machine_ticks(void) { return 0; }
void machine_put(char c) { putchar(c); }
void machine_end(void) {}
"""

# SysTick counts down 24 bits; one tick is 1000 / MHz virtual nanoseconds, and each instruction takes one.
_ARM = """
#include <stdint.h>
extern uint32_t _stack_top, _data_load, _data_start, _data_end, _bss_start, _bss_end;
int main(void);
void reset(void);
#if defined(__ARM_ARCH_6M__)
const uint32_t machine_scale = 16000; /* nRF51: 16 MHz */
#else
const uint32_t machine_scale = 10240; /* MPS2: 25 MHz */
#endif
__attribute__((section(".vectors"), used)) static void *const vectors[2] = {&_stack_top, (void *)reset};
static long call(int op, const void *argument)
{
    register long r0 __asm__("r0") = op;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}
void machine_put(char c) { call(3, &c); }
void machine_end(void) { call(0x18, (void *)0x20026); for (;;) {} }
void machine_start(void)
{
    volatile uint32_t *systick = (volatile uint32_t *)0xE000E010u;
    systick[1] = 0xFFFFFFu;
    systick[2] = 0u;
    systick[0] = 5u;
}
uint32_t machine_ticks(void)
{
    static uint32_t last = 0xFFFFFFu, total;
    const uint32_t now = ((volatile uint32_t *)0xE000E010u)[2];
    total += (last - now) & 0xFFFFFFu;
    last = now;
    return total;
}
void reset(void)
{
    uint32_t *from = &_data_load, *to;
    for (to = &_data_start; to < &_data_end; ++to) { *to = *from++; }
    for (to = &_bss_start; to < &_bss_end; ++to) { *to = 0; }
#if defined(__ARM_FP)
    *(volatile uint32_t *)0xE000ED88u |= 0xF00000u;
    __asm__ volatile("dsb\\n isb");
#endif
    main();
    machine_end();
}
void _exit(int code) { (void)code; machine_end(); for (;;) {} }
"""

_ARM_LINK = """
ENTRY(reset)
MEMORY { FLASH (rx) : ORIGIN = 0, LENGTH = 256K  RAM (rwx) : ORIGIN = 0x20000000, LENGTH = 16K }
SECTIONS
{
  .text : { KEEP(*(.vectors)) *(.text*) *(.rodata*) } > FLASH
  .ARM.exidx : { *(.ARM.exidx*) } > FLASH
  _data_load = LOADADDR(.data);
  .data : { _data_start = .; *(.data*) . = ALIGN(4); _data_end = .; } > RAM AT > FLASH
  .bss (NOLOAD) : { _bss_start = .; *(.bss*) *(COMMON) . = ALIGN(4); _bss_end = .; end = .; } > RAM
  _stack_top = ORIGIN(RAM) + LENGTH(RAM);
}
"""

_RISCV = """
#include <stdint.h>
int main(void);
const uint32_t machine_scale = 256;
__attribute__((naked, section(".text.start"), used)) void start(void)
{
    __asm__ volatile("la sp, _stack_top\\n j begin");
}
extern uint32_t _bss_start, _bss_end;
__attribute__((used)) void begin(void)
{
    uint32_t *at;
    for (at = &_bss_start; at < &_bss_end; ++at) { *at = 0; }
    main();
    for (;;) {}
}
void machine_start(void) {}
void machine_put(char c) { *(volatile uint8_t *)0x10000000u = (uint8_t)c; }
void machine_end(void) { *(volatile uint32_t *)0x100000u = 0x5555u; for (;;) {} }
uint32_t machine_ticks(void)
{
    uint32_t count;
    __asm__ volatile(".option push\\n .option arch,+zicsr\\n csrr %0, minstret\\n .option pop" : "=r"(count));
    return count;
}
"""

_RISCV_LINK = """
ENTRY(start)
SECTIONS
{
  . = 0x80000000;
  .text : { *(.text.start) *(.text*) *(.rodata* .srodata*) *(.data* .sdata*) }
  .bss : { _bss_start = .; *(.bss* .sbss*) *(COMMON) . = ALIGN(4); _bss_end = .; }
  . = ALIGN(16); . += 0x10000; _stack_top = .;
}
"""

_AVR = """
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include <stdint.h>
const uint32_t machine_scale = 256;
static volatile uint16_t overflows;
ISR(TIMER1_OVF_vect) { ++overflows; }
void machine_start(void)
{
    UBRR0 = 0;
    UCSR0B = (uint8_t)(1u << TXEN0);
    TIMSK1 = 1u;
    TCCR1B = 1u;
    sei();
}
void machine_put(char c)
{
    while ((UCSR0A & (1u << UDRE0)) == 0u) {}
    UDR0 = (uint8_t)c;
}
void machine_end(void)
{
    cli();
    sleep_enable();
    sleep_cpu();
    for (;;) {}
}
uint32_t machine_ticks(void)
{
    uint16_t low, high;
    cli();
    low = TCNT1;
    high = overflows;
    if ((TIFR1 & 1u) != 0u && low < 32768u) { ++high; }
    sei();
    return ((uint32_t)high << 16) | low;
}
"""


def main(name: str, steps: int) -> str:
    """The program that prints hash, ticks of some steps, scale, size of the state, fewest and most ticks of a step."""
    return f'#define COUNTED {steps}\n#include "unit.h"\n' + _MAIN.replace("UPPER", name.upper()).replace("@", name)


def unit(is_float: bool, dt: str) -> str:
    """The header that tells the program the type of numbers and one typical gap."""
    return f"{'#define FLOATS' if is_float else ''}\n#define ONE {dt}\n"


def support(kind: str) -> dict[str, str]:
    """Files beside the program, by name; `machine.c` is to be compiled."""
    files = {"host": {"machine.c": _HOST}, "avr": {"machine.c": _AVR}}
    files["arm"] = {"machine.c": _ARM, "link.ld": _ARM_LINK}
    files["riscv"] = {"machine.c": _RISCV, "link.ld": _RISCV_LINK}
    return files[kind]
