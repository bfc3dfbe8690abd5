/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The word for what a full queue does; the queues are in core/bus. */

#include "hawser-overflow.h"

static const GEnumValue values[] = {
  { HAWSER_OVERFLOW_DROP_OLDEST, "HAWSER_OVERFLOW_DROP_OLDEST", "drop-oldest" },
  { HAWSER_OVERFLOW_DROP_NEWEST, "HAWSER_OVERFLOW_DROP_NEWEST", "drop-newest" },
  { HAWSER_OVERFLOW_REJECT, "HAWSER_OVERFLOW_REJECT", "reject" },
  { HAWSER_OVERFLOW_BLOCK, "HAWSER_OVERFLOW_BLOCK", "block" },
  { 0, NULL, NULL },
};

GType
hawser_overflow_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("HawserOverflow", values));
  return type;
}
