/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sd_notify(3) without libsystemd: one datagram to the socket that the service manager names. Main thread. */

#include "daemon.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void
daemon_notify (const char *state)
{
  const char *path = g_getenv ("NOTIFY_SOCKET");
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  socklen_t len;
  int fd;

  if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen (path) >= sizeof address.sun_path)
    return;
  memcpy (address.sun_path, path, strlen (path));
  len = (socklen_t) (offsetof (struct sockaddr_un, sun_path) + strlen (path));
  if (path[0] == '@')
    address.sun_path[0] = '\0';
  fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return;
  if (sendto (fd, state, strlen (state), MSG_NOSIGNAL, (struct sockaddr *) &address, len) < 0)
    g_debug ("cannot tell the service manager: %s", g_strerror (errno));
  close (fd);
}

static gboolean
on_watch (gpointer data)
{
  daemon_notify ("WATCHDOG=1");
  return G_SOURCE_CONTINUE;
}

guint
daemon_watch (void)
{
  const char *interval = g_getenv ("WATCHDOG_USEC");
  const char *pid = g_getenv ("WATCHDOG_PID");
  guint64 us = 0;

  if (interval == NULL || !g_ascii_string_to_unsigned (interval, 10, 1000, G_MAXINT64, &us, NULL))
    return 0;
  if (pid != NULL && g_ascii_strtoll (pid, NULL, 10) != (gint64) getpid ())
    return 0;
  /* Half of what is allowed, as sd_watchdog_enabled(3) advises. */
  return g_timeout_add ((guint) MIN (us / 2000, G_MAXUINT), on_watch, NULL);
}
