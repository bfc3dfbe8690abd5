/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Linux since 6.12 lets a thread say how long a slice of the processor it needs, and lets one that woke with a short slice
 * run before one that is in the middle of a long one. The share of the processor stays what it was, and no right is
 * needed. Older kernels, and filters of system calls, refuse or forget the wish: then all is as before. Why:
 * docs/decisions/short-slices.md. Context: any thread. */

#include "hawser-prompt-private.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLICE_NS (100 * 1000)  /* the least that the kernel takes; a turn for one message is a tenth of it */
#define RESET_ON_FORK 1        /* SCHED_FLAG_RESET_ON_FORK */

/* struct sched_attr as it was first: its header collides with the C library's. */
typedef struct {
  guint32 size, policy;
  guint64 flags;
  gint32 nice;
  guint32 priority;
  guint64 runtime, deadline, period;
} Attributes;

void
hawser_prompt_ask (void)
{
  Attributes attributes = { 0 };

  if (syscall (SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0 || attributes.policy != SCHED_OTHER)
    return; /* somebody chose a policy for us */
  attributes.size = sizeof attributes;
  attributes.runtime = SLICE_NS;
  if (attributes.nice >= 0)
    attributes.flags |= RESET_ON_FORK; /* a thread that we make may have much to do at a time. It would lose a nice below 0 */
  syscall (SYS_sched_setattr, 0, &attributes, 0);
}
