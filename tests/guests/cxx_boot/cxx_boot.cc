// SPDX-License-Identifier: Apache-2.0
// cxx_boot: a static constructor throws, so that the guest never is ready.
#include <mote_guest.h>

#include <stdexcept>

namespace
{

struct Thrower {
    Thrower()
    {
        throw std::invalid_argument("no beginning");
    }
};

Thrower thrower;

void nothing()
{
}
MOTE_EXPORT(nothing, void);

} // namespace
