/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The right side of `~`: `*` any run, `?` one character, `{claim}` the claim's value taken literally, `\` makes the next
 * character literal. On the topic also `+` for one whole level and `#` for the rest, as in MQTT 5.0 section 4.7.
 *
 * Matching remembers only the last `*`: once what follows a star is found at the earliest place, no later place can help, so
 * time is at most value length times pattern length and nothing is allocated. Pure; any thread.
 *
 * The value may be a subscription's filter and then must be covered, not merely look alike: only a `#` of the pattern meets
 * a `#` of the value, and a `?` meets neither `#` nor `+`. */

#include "hawser-glob-private.h"

#include <string.h>

#include "hawser-error.h"

typedef enum {
  ATOM_LITERAL,
  ATOM_ONE,
  ATOM_RUN,
  ATOM_LEVEL,
  ATOM_REST,        /* nothing, or a slash and what follows */
  ATOM_EVERYTHING,
  ATOM_SUBSTITUTION,
} AtomKind;

typedef struct {
  AtomKind kind;
  guint substitution;
  char *text;   /* literal bytes, or the claim's name */
} Atom;

struct _HawserGlob {
  gboolean is_topic;
  gboolean starts_wild;
  GArray *atoms;
  guint n_substitutions;
  const char *names[HAWSER_GLOB_MAX_SUBSTITUTIONS];   /* texts of the atoms */
};

static void
clear_atom (gpointer data)
{
  g_free (((Atom *) data)->text);
}

static void
add_atom (HawserGlob *self, AtomKind kind, const char *text, guint substitution)
{
  Atom atom = { kind, substitution, g_strdup (text) };

  g_array_append_val (self->atoms, atom);
}

static void
flush_literal (HawserGlob *self, GString *literal)
{
  if (literal->len == 0)
    return;
  add_atom (self, ATOM_LITERAL, literal->str, 0);
  g_string_truncate (literal, 0);
}

static gboolean
fail (gsize offset, gsize *out_error_offset, GError **error, const char *text)
{
  *out_error_offset = offset;
  g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, text);
  return FALSE;
}

static gboolean
compile_substitution (HawserGlob *self, const char *pattern, const char **p, gsize *out_error_offset, GError **error)
{
  gsize start = (gsize) (*p - pattern);
  const char *end = strchr (*p, '}');
  g_autofree char *name = NULL;
  guint i;

  if (end == NULL)
    return fail (start, out_error_offset, error, "'{' is never closed; write '\\{' for the character itself");
  if (end == *p + 1)
    return fail (start, out_error_offset, error, "'{}' names no claim");
  name = g_strndup (*p + 1, (gsize) (end - *p - 1));
  for (i = 0; i < self->n_substitutions; i++)
    if (strcmp (self->names[i], name) == 0)
      break;
  if (i == HAWSER_GLOB_MAX_SUBSTITUTIONS)
    return fail (start, out_error_offset, error, "a pattern may substitute at most 4 different claims");
  add_atom (self, ATOM_SUBSTITUTION, name, i);
  if (i == self->n_substitutions)
    self->names[self->n_substitutions++] = g_array_index (self->atoms, Atom, self->atoms->len - 1).text;
  *p = end;
  return TRUE;
}

/* `+` and `#` of a topic pattern stand for whole levels */
static gboolean
compile_topic_wildcard (HawserGlob *self, const char *pattern, const char *p, GString *literal, gsize *out_error_offset, GError **error)
{
  gboolean at_start = p == pattern || p[-1] == '/';
  gsize offset = (gsize) (p - pattern);

  if (*p == '#')
    {
      if (!at_start || p[1] != '\0')
        return fail (offset, out_error_offset, error, "'#' must be the last level");
      /* MQTT 5.0, 4.7.1.2: 'sport/#' matches 'sport' too, so the slash belongs to the wildcard */
      if (literal->len > 0)
        g_string_truncate (literal, literal->len - 1);
      flush_literal (self, literal);
      add_atom (self, p == pattern ? ATOM_EVERYTHING : ATOM_REST, NULL, 0);
      return TRUE;
    }
  if (!at_start || (p[1] != '\0' && p[1] != '/'))
    return fail (offset, out_error_offset, error, "'+' must be a whole level");
  flush_literal (self, literal);
  add_atom (self, ATOM_LEVEL, NULL, 0);
  return TRUE;
}

static gboolean
compile (HawserGlob *self, const char *pattern, gsize *out_error_offset, GError **error)
{
  g_autoptr (GString) literal = g_string_new (NULL);

  for (const char *p = pattern; *p != '\0'; p++)
    {
      if (*p == '\\' && p[1] != '\0')
        g_string_append_c (literal, *++p);
      else if (*p == '*')
        {
          flush_literal (self, literal);
          if (self->atoms->len == 0 || g_array_index (self->atoms, Atom, self->atoms->len - 1).kind != ATOM_RUN)
            add_atom (self, ATOM_RUN, NULL, 0);
        }
      else if (*p == '?')
        {
          flush_literal (self, literal);
          add_atom (self, ATOM_ONE, NULL, 0);
        }
      else if (*p == '{')
        {
          flush_literal (self, literal);
          if (!compile_substitution (self, pattern, &p, out_error_offset, error))
            return FALSE;
        }
      else if (self->is_topic && (*p == '+' || *p == '#'))
        {
          if (!compile_topic_wildcard (self, pattern, p, literal, out_error_offset, error))
            return FALSE;
        }
      else
        g_string_append_c (literal, *p);
    }
  flush_literal (self, literal);
  self->starts_wild = self->atoms->len > 0 && g_array_index (self->atoms, Atom, 0).kind != ATOM_LITERAL;
  return TRUE;
}

/* pattern: still escaped. is_topic: whether '+' and '#' are wildcards. out_error_offset: bytes into pattern. */
HawserGlob *
hawser_glob_new (const char *pattern, gboolean is_topic, gsize *out_error_offset, GError **error)
{
  g_autoptr (HawserGlob) self = g_new0 (HawserGlob, 1);

  self->is_topic = is_topic;
  self->atoms = g_array_new (FALSE, TRUE, sizeof (Atom));
  g_array_set_clear_func (self->atoms, clear_atom);
  return compile (self, pattern, out_error_offset, error) ? g_steal_pointer (&self) : NULL;
}

void
hawser_glob_free (HawserGlob *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->atoms);
  g_free (self);
}

guint
hawser_glob_get_n_substitutions (const HawserGlob *self)
{
  return self->n_substitutions;
}

const char *
hawser_glob_get_substitution (const HawserGlob *self, guint i)
{
  return self->names[i];
}

/* Like g_utf8_next_char(), but never past the end, whatever the bytes are. */
static const char *
next_character (const char *p)
{
  for (p++; ((guchar) *p & 0xc0) == 0x80; p++)
    ;
  return p;
}

/* Advances *value past one atom that is not a run; FALSE when the atom does not match here. */
static gboolean
step (const HawserGlob *self, const Atom *atom, const char **value, const char * const *substituted)
{
  const char *literal;
  gsize len;

  switch (atom->kind)
    {
    case ATOM_ONE:
      if (**value == '\0' || (self->is_topic && (**value == '#' || **value == '+')))
        return FALSE;
      *value = next_character (*value);
      return TRUE;

    case ATOM_LEVEL:
      if (**value == '#')
        return FALSE;
      *value += strcspn (*value, "/");
      return TRUE;

    case ATOM_REST:
      if (**value != '\0' && **value != '/')
        return FALSE;
      *value += strlen (*value);
      return TRUE;

    case ATOM_EVERYTHING:
      *value += strlen (*value);
      return TRUE;

    case ATOM_LITERAL:
    case ATOM_SUBSTITUTION:
    case ATOM_RUN:
    default:
      literal = atom->kind == ATOM_SUBSTITUTION ? substituted[atom->substitution] : atom->text;
      len = strlen (literal);
      if (strncmp (*value, literal, len) != 0)
        return FALSE;
      *value += len;
      return TRUE;
    }
}

/* substituted: one text for each substitution. A text that would span levels of a topic never matches one. */
gboolean
hawser_glob_matches (const HawserGlob *self, const char *value, const char * const *substituted)
{
  const Atom *atoms = (const Atom *) (const void *) self->atoms->data;
  guint i = 0, after_run = 0;
  const char *retry = NULL;

  if (self->is_topic)
    {
      if (self->starts_wild && value[0] == '$')
        return FALSE;
      for (guint s = 0; s < self->n_substitutions; s++)
        if (substituted[s][0] == '\0' || strpbrk (substituted[s], "/+#") != NULL)
          return FALSE;
    }

  while (TRUE)
    {
      if (i < self->atoms->len && atoms[i].kind == ATOM_RUN)
        {
          after_run = ++i;
          retry = value;
          continue;
        }
      if (i == self->atoms->len ? *value == '\0' : step (self, &atoms[i], &value, substituted))
        {
          if (i++ == self->atoms->len)
            return TRUE;
          continue;
        }
      /* the run before takes one more character */
      if (retry == NULL || *retry == '\0' || (self->is_topic && *retry == '#'))
        return FALSE;
      value = retry = next_character (retry);
      i = after_run;
    }
}
