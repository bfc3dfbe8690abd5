/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Text into groups, keys and values with their positions: the key-file syntax, minus everything that GKeyFile lets pass in
 * silence (a repeated group or key, text after a group, a continued line, a localised key), plus `;` comments and a byte-order
 * mark. Knows no kinds and no types. A pure function over bytes, one pass, no recursion; any thread. */

#include "hawser-config-scanner-private.h"

#include <string.h>

typedef struct {
  const HawserConfigScannerHandler *handler;
  gpointer user_data;
  GHashTable *groups;   /* text to line */
  GHashTable *keys;     /* of the current group, "group\nkey" to line */
  char *group;          /* NULL before the first */
  gboolean is_broken;   /* the current group could not be read: its keys are looked at, but belong nowhere */
  guint line;
} Scanner;

static guint
column_at (const char *start, const char *at)
{
  return (guint) g_utf8_strlen (start, (gssize) (at - start)) + 1;
}

static void
report (Scanner *scanner, gboolean is_warning, guint column, const char *text)
{
  scanner->handler->problem (is_warning, scanner->line, column, text, scanner->user_data);
}

static void G_GNUC_PRINTF (3, 4)
report_printf (Scanner *scanner, guint column, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  report (scanner, FALSE, column, text);
}

/* The text of a name that somebody else chose goes into a message only so far. */
static int
shown (const char *text)
{
  return (int) MIN (strlen (text), 80);
}

static void
scan_group (Scanner *scanner, char *line, char *open)
{
  char *close = strchr (open, ']'), *second = strchr (open + 1, '[');
  g_autofree char *text = NULL;
  gpointer opened;

  scanner->is_broken = TRUE;
  if (close == NULL)
    {
      report (scanner, FALSE, column_at (line, open), "expected ']' at the end of the group");
      return;
    }
  if (second != NULL && second < close)
    {
      report (scanner, FALSE, column_at (line, second), "a group's name may not hold '[' or ']'");
      return;
    }
  if (close[1] != '\0')
    {
      report (scanner, FALSE, column_at (line, close + 1), "expected nothing after ']'");
      return;
    }
  text = g_strstrip (g_strndup (open + 1, (gsize) (close - open - 1)));
  if (*text == '\0')
    {
      report (scanner, FALSE, column_at (line, open), "the group has no name");
      return;
    }

  opened = g_hash_table_lookup (scanner->groups, text);
  if (opened != NULL)
    report_printf (scanner, column_at (line, open), "group [%.*s] already opened at line %u", shown (text), text, GPOINTER_TO_UINT (opened));
  else
    g_hash_table_insert (scanner->groups, g_strdup (text), GUINT_TO_POINTER (scanner->line));
  scanner->is_broken = FALSE;
  g_free (scanner->group);
  scanner->group = g_strdup (text);
  scanner->handler->group (text, scanner->line, column_at (line, open), scanner->user_data);
}

static gboolean
check_key (Scanner *scanner, guint column, const char *key)
{
  g_autofree char *id = NULL;
  gpointer set;

  if (*key == '\0')
    {
      report (scanner, FALSE, column, "expected a key before '='");
      return FALSE;
    }
  for (const char *p = key; *p != '\0'; p++)
    if (!g_ascii_islower (*p) && !g_ascii_isdigit (*p) && *p != '-')
      {
        report_printf (scanner, column, "key \"%.*s\" may hold only a-z, 0-9 and '-'", shown (key), key);
        return FALSE;
      }
  if (scanner->is_broken)
    return FALSE;
  if (scanner->group == NULL)
    {
      report_printf (scanner, column, "key \"%.*s\" stands before the first [group]", shown (key), key);
      return FALSE;
    }

  id = g_strconcat (scanner->group, "\n", key, NULL);
  set = g_hash_table_lookup (scanner->keys, id);
  if (set != NULL)
    {
      report_printf (scanner, column, "key \"%.*s\" already set at line %u", shown (key), key, GPOINTER_TO_UINT (set));
      return FALSE;
    }
  g_hash_table_insert (scanner->keys, g_steal_pointer (&id), GUINT_TO_POINTER (scanner->line));
  return TRUE;
}

/* `x=1 # note` is the value "1 # note"; inside quotes it is certainly meant so. */
static void
warn_about_comment (Scanner *scanner, const char *line, const char *value)
{
  gboolean is_quoted = FALSE;

  for (const char *p = value; *p != '\0'; p++)
    {
      if (*p == '"')
        is_quoted = !is_quoted;
      if (*p == '#' && !is_quoted && p > value && (p[-1] == ' ' || p[-1] == '\t'))
        {
          report (scanner, TRUE, column_at (line, p), "comment after a value becomes part of the value");
          return;
        }
    }
}

static void
scan_key (Scanner *scanner, char *line, char *start)
{
  char *equals = strchr (start, '='), *value;
  g_autofree char *key = NULL;
  gsize len;

  if (equals == NULL)
    {
      report (scanner, FALSE, column_at (line, start), "expected KEY=VALUE, [GROUP] or a comment");
      return;
    }
  key = g_strchomp (g_strndup (start, (gsize) (equals - start)));
  for (value = equals + 1; *value == ' ' || *value == '\t'; value++)
    ;
  len = strlen (value);
  if (len > 0 && value[len - 1] == '\\')
    {
      report (scanner, FALSE, column_at (line, value + len - 1), "a value ends with its line; '\\' does not continue it");
      return;
    }
  if (!check_key (scanner, column_at (line, start), key))
    return;
  warn_about_comment (scanner, line, value);
  scanner->handler->key (key, value, scanner->line, column_at (line, start), column_at (line, value), scanner->user_data);
}

static gboolean
check_characters (Scanner *scanner, const char *line, gsize len)
{
  const char *bad;

  for (gsize i = 0; i < len; i++)
    if (line[i] == '\0' || (g_ascii_iscntrl (line[i]) && line[i] != '\t'))
      {
        guint column = (guint) i + 1;

        if (g_utf8_validate (line, (gssize) i, NULL))
          column = column_at (line, line + i);
        if (line[i] == '\0')
          report (scanner, FALSE, column, "NUL byte");
        else
          report_printf (scanner, column, "control character 0x%02x", (guint) (guchar) line[i]);
        return FALSE;
      }
  if (!g_utf8_validate (line, (gssize) len, &bad))
    {
      report (scanner, FALSE, column_at (line, bad), "not valid UTF-8");
      return FALSE;
    }
  return TRUE;
}

static void
scan_line (Scanner *scanner, const char *bytes, gsize len)
{
  g_autofree char *line = NULL;
  char *start;

  while (len > 0 && (bytes[len - 1] == '\r' || bytes[len - 1] == ' ' || bytes[len - 1] == '\t'))
    len--;
  if (len == 0 || !check_characters (scanner, bytes, len))
    return;
  line = g_strndup (bytes, len);
  for (start = line; *start == ' ' || *start == '\t'; start++)
    ;
  if (*start == '#' || *start == ';')
    return;
  if (*start == '[')
    scan_group (scanner, line, start);
  else
    scan_key (scanner, line, start);
}

void
hawser_config_scan (const char *bytes, gsize len, const HawserConfigScannerHandler *handler, gpointer user_data)
{
  static const char mark[] = "\xef\xbb\xbf";
  g_autoptr (GHashTable) groups = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GHashTable) keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Scanner scanner = { .handler = handler, .user_data = user_data, .groups = groups, .keys = keys };

  if (len > HAWSER_CONFIG_MAX_FILE_LEN)
    {
      scanner.line = 1;
      report_printf (&scanner, 1, "larger than %d MiB", HAWSER_CONFIG_MAX_FILE_LEN / 1024 / 1024);
      return;
    }
  if (len >= 3 && memcmp (bytes, mark, 3) == 0)
    {
      bytes += 3;
      len -= 3;
    }
  while (len > 0)
    {
      const char *end = memchr (bytes, '\n', len);
      gsize line_len = end != NULL ? (gsize) (end - bytes) : len;

      scanner.line++;
      scan_line (&scanner, bytes, line_len);
      bytes += MIN (line_len + 1, len);
      len -= MIN (line_len + 1, len);
    }
  g_free (scanner.group);
}

static gboolean
is_variable_name (const char *name, gsize len)
{
  if (len == 0 || g_ascii_isdigit (name[0]))
    return FALSE;
  for (gsize i = 0; i < len; i++)
    if (!g_ascii_isalnum (name[i]) && name[i] != '_')
      return FALSE;
  return TRUE;
}

/* One `${…}`, without its braces. */
static char *
expand_variable (const char *text, gsize len, GString *out)
{
  gsize name_len = 0;
  g_autofree char *name = NULL, *rest = NULL;
  const char *value;

  while (name_len < len && text[name_len] != ':')
    name_len++;
  name = g_strndup (text, name_len);
  rest = g_strndup (text + name_len, len - name_len);
  if (!is_variable_name (name, name_len) || (*rest != '\0' && rest[1] != '-' && rest[1] != '?'))
    return g_strdup_printf ("'${%.*s}' is not ${NAME}, ${NAME:-DEFAULT} or ${NAME:?MESSAGE}", (int) MIN (len, 80), text);

  value = g_getenv (name);
  if (value != NULL && (*value != '\0' || *rest == '\0'))
    {
      g_string_append (out, value);
      return NULL;
    }
  if (g_str_has_prefix (rest, ":-"))
    {
      g_string_append (out, rest + 2);
      return NULL;
    }
  if (g_str_has_prefix (rest, ":?") && rest[2] != '\0')
    return g_strdup_printf ("%s: %s", name, rest + 2);
  return g_strdup_printf ("variable %s is not set and has no default", name);
}

/* Replaces ${NAME}, ${NAME:-DEFAULT}, ${NAME:?MESSAGE} and $$ once: what a variable holds is not looked at again.
 * out_problem: set, with the character of the value it is at, when a variable is missing or the text is malformed; a
 * control character that a variable brings in is refused, so no variable can bring in a line. */
char *
hawser_config_expand (const char *value, char **out_problem, guint *out_column)
{
  g_autoptr (GString) out = g_string_new (NULL);

  *out_problem = NULL;
  for (const char *p = value; *p != '\0' && *out_problem == NULL; p++)
    {
      const char *close;

      if (p[0] != '$' || (p[1] != '$' && p[1] != '{'))
        {
          g_string_append_c (out, *p);
          continue;
        }
      *out_column = column_at (value, p);
      if (p[1] == '$')
        {
          g_string_append_c (out, *p++);
          continue;
        }
      close = strchr (p, '}');
      if (close == NULL)
        *out_problem = g_strdup ("'${' is never closed; write '$$' for a dollar");
      else
        {
          *out_problem = expand_variable (p + 2, (gsize) (close - p - 2), out);
          p = close;
        }
    }
  if (*out_problem == NULL && !g_utf8_validate (out->str, (gssize) out->len, NULL))
    *out_problem = g_strdup ("a variable is not valid UTF-8");
  for (gsize i = 0; *out_problem == NULL && i < out->len; i++)
    if (g_ascii_iscntrl (out->str[i]) && out->str[i] != '\t')
      *out_problem = g_strdup ("a variable holds a control character");
  return g_string_free (g_steal_pointer (&out), FALSE);
}
