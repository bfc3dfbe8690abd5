/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Socket activation: descriptors that were open when this process began, found by LISTEN_FDS and LISTEN_FDNAMES. Used by
 * hawser-listener.c for `fd:NAME`. Context: any. Source: sd_listen_fds(3). */

#include "hawser-inherited-socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hawser-error.h"

#define FIRST_FD 3 /* SD_LISTEN_FDS_START */

static guint
count_inherited (void)
{
  const char *pid = g_getenv ("LISTEN_PID"), *n = g_getenv ("LISTEN_FDS");
  guint64 count;

  if (pid == NULL || n == NULL || g_ascii_strtoull (pid, NULL, 10) != (guint64) getpid () || !g_ascii_string_to_unsigned (n, 10, 0, 4096, &count, NULL))
    return 0;
  return (guint) count;
}

static int
find_fd (const char *name)
{
  const char *list = g_getenv ("LISTEN_FDNAMES");
  g_auto (GStrv) names = g_strsplit (list != NULL ? list : "", ":", -1);
  guint n = count_inherited ();
  guint64 number;

  for (guint i = 0; names[i] != NULL && i < n; i++)
    if (g_str_equal (names[i], name))
      return FIRST_FD + (int) i;
  if (g_ascii_string_to_unsigned (name, 10, FIRST_FD, FIRST_FD + 4096, &number, NULL) && number < FIRST_FD + n)
    return (int) number;
  return -1;
}

static gboolean
is_listening_stream (int fd)
{
  int type = 0, is_listening = 0;
  socklen_t type_len = sizeof type, listening_len = sizeof is_listening;

  return getsockopt (fd, SOL_SOCKET, SO_TYPE, &type, &type_len) == 0 && type == SOCK_STREAM &&
         getsockopt (fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &listening_len) == 0 && is_listening != 0;
}

GSocket *
hawser_inherited_socket_new (const char *name, GError **error)
{
  int fd = find_fd (name), copy;
  GSocket *socket;

  if (fd < 0)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND, "address 'fd:%s': the service manager handed over no socket of that name (LISTEN_FDNAMES=%s)",
                   name, g_getenv ("LISTEN_FDNAMES") != NULL ? g_getenv ("LISTEN_FDNAMES") : "");
      return NULL;
    }
  if (!is_listening_stream (fd))
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "address 'fd:%s': is not a listening stream socket", name);
      return NULL;
    }
  fcntl (fd, F_SETFD, FD_CLOEXEC); /* what we start does not inherit it */
  copy = fcntl (fd, F_DUPFD_CLOEXEC, FIRST_FD);
  if (copy < 0)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE, "address 'fd:%s': %s", name, g_strerror (errno));
      return NULL;
    }
  socket = g_socket_new_from_fd (copy, error);
  if (socket == NULL)
    close (copy);
  else
    g_socket_set_blocking (socket, FALSE);
  return socket;
}
