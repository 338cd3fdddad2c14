"""The C functions that an export's blocks call; `P_` stands for the export's own prefix."""

# Helper functions of each operation, in the order in which they must stand.
CALLS: dict[str, tuple[str, ...]] = {
    "abs": ("magnitude",),
    "clip": ("least", "most", "clip"),
    "clip_const": ("least", "most", "clip"),
    "mulsh": ("scale_down",),
    "mulsat": ("scale_clip",),
    "mulmost": ("scale_most",),
    "at_unit": ("at_unit",),
    "blend": ("blend",),
    "blend_wide": ("blend_wide",),
    "average": ("magnitude", "divide", "quotient", "average"),
    "resist": ("resist",),
    "relax": ("magnitude", "divide", "quotient", "relax"),
    "relax_wide": ("scale_down", "magnitude", "divide", "relax_wide"),
    "table": ("least", "most", "clip", "lookup"),
}

HELPERS: dict[str, str] = {
    "least": """static int32_t P_least(int32_t a, int32_t b)
{
    return (a < b) ? a : b;
}
""",
    "most": """static int32_t P_most(int32_t a, int32_t b)
{
    return (a > b) ? a : b;
}
""",
    "clip": """static int32_t P_clip(int32_t value, int32_t low, int32_t high)
{
    return P_most(P_least(value, high), low);
}

/* Kept within an int16; one instruction where the processor has it. */
#if defined(__ARM_FEATURE_SAT) && defined(__GNUC__)
#define P_SATURATE(z) __builtin_arm_ssat((z), 16)
#else
#define P_SATURATE(z) P_clip((z), -INT32_C(32768), INT32_C(32767))
#endif
""",
    "magnitude": """/* |value|, for any value above -2**31. */
static int32_t P_magnitude(int32_t value)
{
    return (value < 0) ? -value : value;
}
""",
    "scale_down": """/* Product in 64 bits, divided by 2**bits and rounded down. */
static int32_t P_scale_down(int32_t a, int32_t b, int32_t bits)
{
    return (int32_t)(((int64_t)a * b) >> bits);
}
""",
    "scale_clip": """/* The same, kept within limit of 0. */
static int32_t P_scale_clip(int32_t a, int32_t b, int32_t bits, int32_t limit)
{
    const int64_t product = ((int64_t)a * b) >> bits;
    return (product > limit) ? limit : ((product < -(int64_t)limit) ? -limit : (int32_t)product);
}
""",
    "scale_most": """/* The same for factors that are never below 0, and at most limit. */
static int32_t P_scale_most(int32_t a, int32_t b, int32_t bits, int32_t limit)
{
    /* The halves apart: compilers then keep to 32 bits. */
    const uint64_t product = ((uint64_t)(uint32_t)a * (uint32_t)b) >> bits;
    const uint32_t low = (uint32_t)product;
    return (((uint32_t)(product >> 32) != 0u) || (low > (uint32_t)limit)) ? limit : (int32_t)low;
}
""",
    "blend": """/* a + (b - a) share / 2**15, rounded half up. */
static int32_t P_blend(int32_t a, int32_t b, int32_t share)
{
    return a + ((share * (b - a) + INT32_C(16384)) >> 15);
}
""",
    "blend_wide": """/* a + (b - a) share / 2**30, rounded half up. */
static int32_t P_blend_wide(int32_t a, int32_t b, int32_t share)
{
    return a + (int32_t)((((int64_t)share * (b - a)) + INT32_C(536870912)) >> 30);
}
""",
    "divide": """static uint32_t P_divide(uint32_t num, uint32_t den)
{
    return num / den;
}
""",
    "quotient": """/* num / den, rounded to nearest, halves away from 0. */
static int32_t P_quotient(int32_t num, int32_t den)
{
    const int32_t size = (int32_t)P_divide((uint32_t)P_magnitude(num) + ((uint32_t)den >> 1), (uint32_t)den);
    const int32_t sign = num >> 31;
    return (size ^ sign) - sign;
}
""",
    "average": """static int32_t P_average(int32_t mean, int32_t value, int32_t count)
{
    return mean + P_quotient(value - mean, count);
}
""",
    "resist": """/* c / dt from the reciprocal of dt: the product, shifted by what is left, at most 2**30. */
static int32_t P_resist(int32_t c, int32_t inverse, int32_t exponent, int32_t places)
{
    const int32_t product = c * inverse;
    const int32_t shift = places - exponent;
    int32_t found;
    if (shift >= 0)
    {
        found = (shift < 31) ? (product >> shift) : 0;
    }
    else
    {
        const int32_t up = (-shift < 31) ? -shift : 31;
        found = (product > (INT32_C(1073741824) >> up)) ? INT32_C(1073741824) : (product * (INT32_C(1) << up));
    }
    return found;
}
""",
    "relax": """/* One implicit step of v towards num / den; see "Relaxation" in README.md. */
static int32_t P_relax(int32_t v, int32_t num, int32_t den, int32_t resistance, int32_t gain, int32_t lift,
                       int32_t drop_product, int32_t drop_force, int32_t drop_pull)
{
    /* den * v >> drop_product without 64 bits: den is below 2**30, v and drop_product within 16 and 15. */
    const int32_t upper = ((den >> 15) * v) * (INT32_C(1) << (15 - drop_product));
    const int32_t product = upper + (((den & INT32_C(32767)) * v) >> drop_product);
    int32_t force = (num * (INT32_C(1) << lift)) - product;
    int32_t pull = den;
    if (gain != INT32_C(32768))
    {
        force = (int32_t)(((int64_t)force * gain) >> 15);
        pull = (int32_t)(((int64_t)den * gain) >> 15);
    }
    return v + P_quotient(force >> drop_force, resistance + (pull >> drop_pull) + 1);
}
""",
    "relax_wide": """/* The same for a state with 16 more bits. */
static int32_t P_relax_wide(int32_t v, int32_t num, int32_t den, int32_t resistance, int32_t gain, int32_t lift,
                            int32_t drop_product, int32_t drop_force, int32_t drop_pull, int32_t low, int32_t high)
{
    const int32_t product = (int32_t)(((int64_t)den * v) >> (drop_product + 16));
    const int32_t bare = (num * (INT32_C(1) << lift)) - product;
    const int32_t force = P_scale_down(bare, gain, 15) >> drop_force;
    const uint32_t below = (uint32_t)(resistance + (P_scale_down(den, gain, 15) >> drop_pull) + 1);
    uint32_t near;
    uint32_t spare = 0u;
    uint32_t size;
    uint32_t whole;
    uint32_t part;
    int64_t moved;
    int32_t k;
    for (k = 0; k < 16; ++k)
    {
        const uint32_t more = ((below >> spare) >= 65535u) ? 1u : 0u;
        spare += more;
    }
    near = (below >> spare) + ((spare > 0u) ? 1u : 0u);
    size = (uint32_t)P_magnitude(force);
    whole = P_divide(size, near);
    part = P_divide((size - (whole * near)) << 15, near);
    moved = ((int64_t)whole * 32768) + part;
    moved = (spare == 0u) ? (moved * 2) : ((moved + ((INT64_C(1) << (spare - 1u)) >> 1)) >> (spare - 1u));
    moved = (force < 0) ? -moved : moved;
    moved += v;
    return (moved > high) ? high : ((moved < low) ? low : (int32_t)moved);
}
""",
    "lookup": """/* A table, given at its middle, at z: 256 intervals over an int16, straight lines between entries. */
static int16_t P_lookup(const P_ROM int16_t *middle, int32_t z)
{
    const int32_t kept = P_SATURATE(z);
    const P_ROM int16_t *const at = &middle[kept >> 8];
    const int32_t low = at[0];
    return (int16_t)(low + ((((int32_t)at[1] - low) * (kept & 255)) >> 8));
}
""",
}

# Without branches that depend on data, and with a division of as many instructions for all numbers.
CONSTANT_TIME: dict[str, str] = {
    "least": """static int32_t P_least(int32_t a, int32_t b)
{
    const uint32_t mask = (uint32_t)(((int64_t)b - a) >> 32);
    return (int32_t)(((uint32_t)a & ~mask) | ((uint32_t)b & mask));
}
""",
    "most": """static int32_t P_most(int32_t a, int32_t b)
{
    const uint32_t mask = (uint32_t)(((int64_t)a - b) >> 32);
    return (int32_t)(((uint32_t)a & ~mask) | ((uint32_t)b & mask));
}
""",
    "magnitude": """/* |value|, for any value above -2**31. */
static int32_t P_magnitude(int32_t value)
{
    const int32_t sign = value >> 31;
    return (value ^ sign) - sign;
}
""",
    "scale_clip": """/* The same, kept within limit of 0. */
static int32_t P_scale_clip(int32_t a, int32_t b, int32_t bits, int32_t limit)
{
    const int64_t product = ((int64_t)a * b) >> bits;
    const int64_t over = product - limit;
    const int64_t less = product - (over & ~(over >> 63));
    const int64_t under = less + limit;
    return (int32_t)(less - (under & (under >> 63)));
}
""",
    "scale_most": """/* The same for factors that are never below 0, and at most limit. */
static int32_t P_scale_most(int32_t a, int32_t b, int32_t bits, int32_t limit)
{
    const int64_t over = (int64_t)(((uint64_t)(uint32_t)a * (uint32_t)b) >> bits) - limit;
    return (int32_t)((over & (over >> 63)) + limit);
}
""",
    "at_unit": """/* a after exactly one unit of time, else b. */
static int32_t P_at_unit(int32_t dt, int32_t a, int32_t b)
{
    const uint32_t apart = (uint32_t)dt ^ 1048576u;
    const uint32_t mask = (uint32_t)(((int64_t)apart - 1) >> 32);
    return (int32_t)(((uint32_t)a & mask) | ((uint32_t)b & ~mask));
}
""",
    "divide": """/* Bit by bit: as many instructions for all numbers. */
static uint32_t P_divide(uint32_t num, uint32_t den)
{
    uint32_t found = 0u;
    uint32_t rest = 0u;
    uint_fast8_t k;
    for (k = 0u; k < 32u; ++k)
    {
        uint32_t fits;
        rest = (rest << 1) | (num >> 31);
        num <<= 1;
        fits = (uint32_t)((((int64_t)rest - (int64_t)den) >> 32) + 1);
        rest -= den & (0u - fits);
        found = (found << 1) | fits;
    }
    return found;
}
""",
}


FLOAT_HELPERS: dict[str, str] = {
    "sigmoid": """/* 1 / (1 + exp(-z)), expanded around the nearest of 257 entries; error below 3e-7. */
static float P_sigmoid(float z)
{
    const float low = (z > -16.0f) ? z : -16.0f;
    const float kept = (low < 16.0f) ? low : 16.0f;
    const int32_t at = (int32_t)((kept * 8.0f) + 128.5f);
    const float d = kept - (((float)at * 0.125f) + -16.0f);
    const float s = P_SIGMOID[at];
    const float p = s - (s * s);
    return s + ((p * d) * (1.0f + (d * ((0.5f - s) + (d * (SIXTH - p))))));
}
""",
    "softplus": """/* log(1 + exp(z)), expanded around the nearest of 257 entries; its slope is the sigmoid. */
static float P_softplus(float z)
{
    const float low = (z > -16.0f) ? z : -16.0f;
    const float kept = (low < 16.0f) ? low : 16.0f;
    const int32_t at = (int32_t)((kept * 8.0f) + 128.5f);
    const float d = kept - (((float)at * 0.125f) + -16.0f);
    const float g = P_SIGMOID[at];
    const float p = g - (g * g);
    const float bend = 0.5f + (d * (SIXTH - (THIRD * g)));
    return (low - kept) + (P_SOFTPLUS[at] + (d * (g + ((p * d) * bend))));
}
""",
    "rise": """/* 1 - exp(-y) for y >= 0, expanded around the nearest of 257 entries; exact near 0. */
static float P_rise(float z)
{
    const float low = (z > 0.0f) ? z : 0.0f;
    const float kept = (low < 16.0f) ? low : 16.0f;
    const int32_t at = (int32_t)((kept * 16.0f) + 0.5f);
    const float d = kept - (((float)at * 0.0625f) + 0.0f);
    const float s = P_RISE[at];
    return s + ((1.0f - s) * (d * (1.0f - (d * (0.5f - (d * (SIXTH - (d * TWENTYFOURTH))))))));
}
""",
    "decay": """/* exp(-y) for y >= 0, expanded around the nearest of 257 entries; 0 beyond 16. */
static float P_decay(float z)
{
    const float low = (z > 0.0f) ? z : 0.0f;
    const float kept = (low < 16.0f) ? low : 16.0f;
    const int32_t at = (int32_t)((kept * 16.0f) + 0.5f);
    const float d = kept - (((float)at * 0.0625f) + 0.0f);
    return P_DECAY[at] * (1.0f - (d * (1.0f - (d * (0.5f - (d * SIXTH))))));
}
""",
    "phi": """/* Normal distribution function, expanded around the nearest of 257 entries. */
static float P_phi(float z)
{
    const float low = (z > -8.0f) ? z : -8.0f;
    const float kept = (low < 8.0f) ? low : 8.0f;
    const int32_t at = (int32_t)((kept * 16.0f) + 128.5f);
    const float node = ((float)at * 0.0625f) + -8.0f;
    const float d = kept - node;
    const float bend = (0.5f * node) - (d * (SIXTH * ((node * node) - 1.0f)));
    return P_PHI[at] + ((P_DENSITY[at] * d) * (1.0f - (d * bend)));
}
""",
}
