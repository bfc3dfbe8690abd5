/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Secrets never stand in the configuration: it names a credential or a file, and this reads it. */

#include "hawser-config.h"

#include <string.h>
#include <sys/stat.h>

#include "hawser-error.h"

#define SECRET_MAX_LEN (1024 * 1024) /* ours: systemd allows 1 MiB for all credentials of a unit */

static char *
read_file (const char *path, GError **error)
{
  g_autoptr (GError) cause = NULL;
  g_autofree char *text = NULL;
  struct stat info;
  gsize len = 0;

  if (stat (path, &info) == 0 && S_ISREG (info.st_mode) && info.st_size > SECRET_MAX_LEN)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_TOO_LARGE, "'%s' is larger than %d bytes", path, SECRET_MAX_LEN);
      return NULL;
    }
  if (!g_file_get_contents (path, &text, &len, &cause))
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND, cause->message);
      return NULL;
    }
  if (strlen (text) != len)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "'%s' holds a NUL byte", path);
      return NULL;
    }
  while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
    text[--len] = '\0';
  return g_steal_pointer (&text);
}

/**
 * hawser_config_read_secret:
 * @credential: (nullable): name of a credential, looked for in `$CREDENTIALS_DIRECTORY`, then in `/run/secrets`
 * @file: (nullable): path of a file, used when @credential is %NULL
 * @error: return location
 *
 * Line ends at the end of the text are dropped; symbolic links are followed, as mounted secrets are links.
 *
 * Errors: %HAWSER_ERROR_NOT_FOUND, %HAWSER_ERROR_INVALID, %HAWSER_ERROR_TOO_LARGE (over 1 MiB). Messages name the place,
 * never the content.
 * Context: any thread; reads files.
 *
 * Returns: (transfer full): the secret
 * Since: 0.1
 */
char *
hawser_config_read_secret (const char *credential, const char *file, GError **error)
{
  const char *directory = g_getenv ("CREDENTIALS_DIRECTORY");
  const char *directories[] = { directory, "/run/secrets" };

  if (credential == NULL && file == NULL)
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND, "no credential and no file is named");
      return NULL;
    }
  if (credential == NULL)
    return read_file (file, error);
  if (*credential == '\0' || *credential == '.' || strchr (credential, '/') != NULL)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "'%s' is not the name of a credential", credential);
      return NULL;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (directories); i++)
    {
      g_autofree char *path = directories[i] != NULL ? g_build_filename (directories[i], credential, NULL) : NULL;

      if (path != NULL && g_file_test (path, G_FILE_TEST_EXISTS))
        return read_file (path, error);
    }
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND, "credential '%s' is neither in $CREDENTIALS_DIRECTORY nor in /run/secrets", credential);
  return NULL;
}
