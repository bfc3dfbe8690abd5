/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files of the folders named in static=/prefix:DIR;. Read-only, regular files below the folder: no '..', no hidden
 * names, no symbolic link on the way (each level is opened with O_NOFOLLOW). Small files, as pages have them, are read
 * whole. Context: the lane; a page's files are local and cached by the kernel. */

#include "http-range.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http-dashboard-resource.h"
#include "http-static.h"
#include "http-range.h"

#define MAX_FILE (64 << 20)

static const struct { const char *suffix, *type; } types[] = {
  { ".html", "text/html; charset=utf-8" },
  { ".css", "text/css; charset=utf-8" },
  { ".js", "text/javascript; charset=utf-8" },
  { ".mjs", "text/javascript; charset=utf-8" },
  { ".json", "application/json" },
  { ".svg", "image/svg+xml" },
  { ".png", "image/png" },
  { ".jpg", "image/jpeg" },
  { ".webp", "image/webp" },
  { ".ico", "image/x-icon" },
  { ".txt", "text/plain; charset=utf-8" },
  { ".md", "text/markdown; charset=utf-8" },
  { ".woff2", "font/woff2" },
  { ".wasm", "application/wasm" },
  { ".webmanifest", "application/manifest+json" },
};

static const char *
type_of (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (types); i++)
    if (g_str_has_suffix (name, types[i].suffix))
      return types[i].type;
  return "application/octet-stream";
}

/* Opens @path below @root level by level; -1 with errno. */
static int
open_below (const char *root, const char *path)
{
  g_auto (GStrv) levels = g_strsplit (*path != '\0' ? path : "index.html", "/", -1);
  int fd = open (root, O_PATH | O_DIRECTORY | O_CLOEXEC);

  for (char **level = levels; fd >= 0 && *level != NULL; level++)
    {
      gboolean is_last = level[1] == NULL;
      int next;

      if (**level == '\0' && !is_last)
        continue;
      if (**level == '.')
        {
          close (fd);
          errno = ENOENT;
          return -1;
        }
      next = openat (fd, **level != '\0' ? *level : "index.html", is_last ? O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      close (fd);
      fd = next;
    }
  return fd;
}

static char *
read_all (int fd, gsize len)
{
  char *data = g_try_malloc (len + 1);
  gsize n = 0;

  while (data != NULL && n < len)
    {
      gssize got = read (fd, data + n, len - n);

      if (got <= 0)
        {
          g_free (data);
          return NULL;
        }
      n += (gsize) got;
    }
  return data;
}

static void
add_page_headers (HttpSession *session)
{
  http_session_add_header (session, "Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
  http_session_add_header (session, "Referrer-Policy", "no-referrer");
  http_session_add_header (session, "Cross-Origin-Opener-Policy", "same-origin");
}

static void
respond_file (HttpSession *session, HttpRequest *request, int fd, const struct stat *st, const char *name)
{
  const char *known = http_request_get_header (request, "If-None-Match");
  g_autofree char *tag = g_strdup_printf ("\"%" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER "x\"", (guint64) st->st_mtim.tv_sec * 1000000000 + (guint64) st->st_mtim.tv_nsec, (guint64) st->st_size);
  g_autoptr (GDateTime) modified = g_date_time_new_from_unix_utc (st->st_mtim.tv_sec);
  g_autofree char *modified_text = soup_date_time_to_string (modified, SOUP_DATE_HTTP);
  g_autofree char *data = NULL;

  http_session_add_header (session, "ETag", tag);
  http_session_add_header (session, "Last-Modified", modified_text);
  http_session_add_header (session, "Cache-Control", "no-cache");
  add_page_headers (session);
  if (known != NULL ? strstr (known, tag) != NULL : g_strcmp0 (http_request_get_header (request, "If-Modified-Since"), modified_text) == 0)
    {
      http_session_respond (session, 304, NULL, NULL, 0);
      return;
    }
  data = read_all (fd, (gsize) st->st_size);
  if (data == NULL)
    http_session_respond_problem (session, 500, HAWSER_ERROR_UNAVAILABLE, "the file cannot be read");
  else if (!http_range_respond (session, request, tag, type_of (name), data, (gsize) st->st_size))
    http_session_respond (session, 200, type_of (name), data, (gsize) st->st_size);
}

static void
respond_not_found (HttpSession *session)
{
  http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "there is no such file");
}

static void
serve (HttpSession *session, HttpRequest *request, const char *root, const char *path)
{
  g_autofree char *name = http_decode_path (path, strlen (path));
  struct stat st;
  int fd = name != NULL ? open_below (root, name) : -1;

  if (fd < 0 || fstat (fd, &st) != 0 || (!S_ISREG (st.st_mode) && !S_ISDIR (st.st_mode)) || st.st_size > MAX_FILE)
    respond_not_found (session);
  else if (S_ISDIR (st.st_mode))
    {
      g_autofree char *location = g_strconcat (request->path, "/", NULL); /* as it was sent: still encoded */

      http_session_add_header (session, "Location", location);
      http_session_respond (session, 301, NULL, NULL, 0);
    }
  else
    respond_file (session, request, fd, &st, *name == '\0' || g_str_has_suffix (name, "/") ? "index.html" : name);
  if (fd >= 0)
    close (fd);
}

/* "/prefix:DIR" as its parts; FALSE: not of this form. */
gboolean
http_static_parse (const char *entry, char **out_prefix, const char **out_dir)
{
  const char *colon = strchr (entry, ':');

  if (*entry != '/' || colon == NULL || colon[1] == '\0')
    return FALSE;
  *out_prefix = g_strndup (entry, (gsize) (colon - entry));
  while (g_str_has_suffix (*out_prefix, "/"))
    (*out_prefix)[strlen (*out_prefix) - 1] = '\0';
  *out_dir = colon + 1;
  return TRUE;
}

gboolean
http_static_owns (HttpAdapter *adapter, const char *path)
{
  for (char **entry = adapter->static_dirs; entry != NULL && *entry != NULL; entry++)
    {
      g_autofree char *prefix = NULL;
      const char *dir;
      gsize len;

      if (!http_static_parse (*entry, &prefix, &dir))
        continue;
      len = strlen (prefix);
      if (strncmp (path, prefix, len) == 0 && (path[len] == '/' || path[len] == '\0'))
        return TRUE;
    }
  return FALSE;
}

void
http_static_get (HttpSession *session, HttpRequest *request, const char *rest)
{
  HttpAdapter *adapter = http_session_get_adapter (session);

  for (char **entry = adapter->static_dirs; *entry != NULL; entry++)
    {
      g_autofree char *prefix = NULL;
      const char *dir;
      gsize len;

      if (!http_static_parse (*entry, &prefix, &dir))
        continue;
      len = strlen (prefix);
      if (strncmp (request->path, prefix, len) != 0)
        continue;
      if (request->path[len] == '/')
        {
          serve (session, request, dir, request->path + len + 1);
          return;
        }
      if (request->path[len] == '\0')
        {
          g_autofree char *location = g_strconcat (prefix, "/", NULL);

          http_session_add_header (session, "Location", location);
          http_session_respond (session, 301, NULL, NULL, 0);
          return;
        }
    }
  respond_not_found (session);
}

/* '/': the built-in page where the admin paths are, else the first static folder. */
void
http_dashboard_get (HttpSession *session, HttpRequest *request, const char *rest)
{
  HttpAdapter *adapter = http_session_get_adapter (session);
  g_autoptr (GBytes) page = NULL;
  g_autofree char *path = g_strconcat ("/org/hawser/http/dashboard/", *rest == '\0' ? "index.html" : rest, NULL);
  gsize len;

  if (!adapter->is_admin || !adapter->has_dashboard)
    {
      g_autofree char *prefix = NULL;
      const char *dir;

      if (*rest == '\0' && adapter->static_dirs != NULL && adapter->static_dirs[0] != NULL && http_static_parse (adapter->static_dirs[0], &prefix, &dir))
        {
          g_autofree char *location = g_strconcat (prefix, "/", NULL);

          http_session_add_header (session, "Location", location);
          http_session_respond (session, 302, NULL, NULL, 0);
        }
      else
        http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "nothing is served here");
      return;
    }
  page = g_resource_lookup_data (http_dashboard_get_resource (), path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  if (page == NULL)
    {
      respond_not_found (session);
      return;
    }
  add_page_headers (session);
  http_session_add_header (session, "Cache-Control", "no-cache");
  {
    gconstpointer data = g_bytes_get_data (page, &len);

    http_session_respond (session, 200, type_of (path), data, len);
  }
}
