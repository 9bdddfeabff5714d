/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <string.h>

#include "error.h"

static bool is_zero(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i])
            return false;
    return true;
}

int mote__options_copy(void *to, size_t size, const void *from, size_t least, const char *what,
                       mote_error *error)
{
    size_t given = 0;
    memset(to, 0, size);
    if (!from)
        return 0;
    memcpy(&given, from, sizeof given);
    if (given < least || given > 0x10000)
        return mote__fail(error, MOTE_DOMAIN_API, MOTE_EINVAL, 0,
                          "set its size member to sizeof the structure", "%s: size is %zu", what,
                          given);
    if (given > size && !is_zero((const unsigned char *)from + size, given - size))
        return mote__fail(error, MOTE_DOMAIN_API, MOTE_EINVAL, 0,
                          "use the version of libmote that the program was built for",
                          "%s: an option that this library does not know is set", what);
    memcpy(to, from, given < size ? given : size);
    memcpy(to, &size, sizeof size);
    return 0;
}
