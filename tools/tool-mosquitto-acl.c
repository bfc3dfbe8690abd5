/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The ACL file of a mosquitto as terms of two rules, one for publishing and one for subscribing. */

#include "tool-mosquitto-private.h"

#include <string.h>

typedef struct {
  GString *read, *write;             /* what is allowed, with "or" */
  GString *no_read, *no_write;       /* what is not */
} Rights;

static void
rights_init (Rights *self)
{
  self->read = g_string_new (NULL);
  self->write = g_string_new (NULL);
  self->no_read = g_string_new (NULL);
  self->no_write = g_string_new (NULL);
}

static void
rights_clear (Rights *self)
{
  g_string_free (self->read, TRUE);
  g_string_free (self->write, TRUE);
  g_string_free (self->no_read, TRUE);
  g_string_free (self->no_write, TRUE);
}

/* Text between the quotes of a rule; @is_pattern: of a pattern, in which some characters mean something. */
static void
append_text (GString    *out,
             const char *text,
             gboolean    is_pattern,
             gboolean    substitutes)
{
  for (const char *p = text; *p != '\0'; p++)
    if (substitutes && p[0] == '%' && p[1] == 'c')
      {
        g_string_append (out, "{client-id}");
        p++;
      }
    else if (substitutes && p[0] == '%' && p[1] == 'u')
      {
        g_string_append (out, "{principal}");
        p++;
      }
    else if (*p == '"')
      g_string_append (out, "\\\"");
    else if (*p == '\\')
      g_string_append (out, is_pattern ? "\\\\\\\\" : "\\\\");
    else if (is_pattern && strchr ("*?{}", *p) != NULL)
      g_string_append_printf (out, "\\\\%c", *p);
    else if (*p == '$')
      g_string_append (out, "$$");
    else
      g_string_append_c (out, *p);
}

static void
append_term (GString    *out,
             const char *term)
{
  g_string_append_printf (out, "%s%s", out->len > 0 ? " or " : "", term);
}

/* @user: NULL for everybody (a pattern), "" for who has no name. */
static void
take_right (MosquittoImport     *self,
            Rights     *rights,
            const char *place,
            const char *user,
            gboolean    is_pattern,
            char       *rest)
{
  static const struct { const char *word; gboolean reads, writes, denies; } kinds[] = {
    { "readwrite ", TRUE, TRUE, FALSE }, { "read ", TRUE, FALSE, FALSE }, { "write ", FALSE, TRUE, FALSE }, { "deny ", TRUE, TRUE, TRUE },
  };
  gboolean reads = TRUE, writes = TRUE, denies = FALSE;
  g_autoptr (GString) term = g_string_new ("(");
  g_autoptr (HawserTopicFilter) filter = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (g_str_has_prefix (rest, kinds[i].word))
      {
        reads = kinds[i].reads;
        writes = kinds[i].writes;
        denies = kinds[i].denies;
        rest = g_strstrip (rest + strlen (kinds[i].word));
        break;
      }
  filter = hawser_topic_filter_new (rest, NULL);
  if (filter == NULL)
    {
      mosquitto_note (self, place, "'%s' is not a topic filter; the line is left out", rest);
      return;
    }
  if (user != NULL && *user == '\0')
    g_string_append (term, "not principal exists and ");
  else if (user != NULL)
    {
      g_string_append (term, "principal == \"");
      append_text (term, user, FALSE, FALSE);
      g_string_append (term, "\" and ");
    }
  g_string_append (term, "topic ~ \"");
  append_text (term, rest, TRUE, is_pattern);
  g_string_append (term, "\")");
  if (reads)
    append_term (denies ? rights->no_read : rights->read, term->str);
  if (writes)
    append_term (denies ? rights->no_write : rights->write, term->str);
}

static gboolean
read_acl (MosquittoImport      *self,
          const char  *path,
          Rights      *rights,
          GError     **error)
{
  g_autofree char *text = NULL, *user = g_strdup ("");
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents (path, &text, NULL, error))
    return FALSE;
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      char *line = g_strstrip (lines[i]), *rest = line + strcspn (line, " \t");
      g_autofree char *place = g_strdup_printf ("%s:%u", path, i + 1);

      if (*line == '\0' || *line == '#')
        continue;
      if (!g_utf8_validate (line, -1, NULL))
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "%s: not a line of text", place);
          return FALSE;
        }
      if (*rest != '\0')
        *rest++ = '\0';
      g_strstrip (rest);
      if (strcmp (line, "user") == 0)
        {
          g_free (user);
          user = g_strdup (rest);
        }
      else if (strcmp (line, "topic") == 0)
        take_right (self, rights, place, user, FALSE, rest);
      else if (strcmp (line, "pattern") == 0)
        take_right (self, rights, place, NULL, TRUE, rest);
      else
        mosquitto_note (self, place, "'%s' is not a line of an ACL file that is known", line);
    }
  return TRUE;
}

static void
append_rule (GString    *out,
             GString    *allow,
             GString    *deny,
             const char *listener)
{
  if (out->len > 0)
    g_string_append (out, " or ");
  g_string_append_c (out, '(');
  if (listener != NULL)
    g_string_append_printf (out, "listener == \"%s\" and ", listener);
  g_string_append_printf (out, "(%s)", allow->len > 0 ? allow->str : "false");
  if (deny->len > 0)
    g_string_append_printf (out, " and not (%s)", deny->str);
  g_string_append_c (out, ')');
}

/* @listener: NULL: of all. */
gboolean
mosquitto_take_acl (MosquittoImport      *self,
          const char  *path,
          const char  *listener,
          GError     **error)
{
  Rights rights;
  gboolean is_read;

  rights_init (&rights);
  is_read = path == NULL || read_acl (self, path, &rights, error);
  if (is_read && path != NULL)
    {
      self->has_acl = TRUE;
      append_rule (self->may_read, rights.read, rights.no_read, listener);
      append_rule (self->may_write, rights.write, rights.no_write, listener);
    }
  else if (is_read)
    {
      g_autoptr (GString) all = g_string_new ("true"), none = g_string_new (NULL);

      append_rule (self->may_read, all, none, listener);
      append_rule (self->may_write, all, none, listener);
    }
  rights_clear (&rights);
  return is_read;
}
