/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Conditions over twins, as fleets write them (RQL): `and(eq(attributes/region,"north"),gt(reported/soc,20))`. Terms: eq ne gt ge lt
 * le (PATH,VALUE), in(PATH,VALUE,…), like(PATH,"PATTERN") with * and ?, exists(PATH); and(…), or(…), not(…) over them. The text
 * becomes a list of terms in the order of evaluation, read and evaluated without recursion. On the bus's lane. */

#include "hawser-twin-query-private.h"

#include <math.h>
#include <string.h>

#include "hawser-error.h"
#include "hawser-json-pointer.h"
#include "hawser-json-private.h"

typedef enum { EQ, NE, GT, GE, LT, LE, IN, LIKE, EXISTS, AND, OR, NOT } Op;

enum { AT_ID, AT_PARENT, AT_STATE, AT_REVISION, AT_FAMILY, AT_REPORTED, AT_DESIRED, AT_ATTRIBUTES };

typedef struct {
  char kind;                           /* as of an operand */
  double number;
  char *text;
} Value;

typedef struct {
  Op op;
  HawserTwinPath path;
  GArray *values;                      /* of Value */
  guint n_below;                       /* of and, or, not: terms on the stack that it takes */
} Term;

struct _HawserTwinQuery {
  GArray *terms;                       /* of Term, operands before operators */
};

static const struct {
  const char *name;
  Op op;
} names[] = {
  { "eq", EQ }, { "ne", NE }, { "gt", GT }, { "ge", GE }, { "lt", LT }, { "le", LE }, { "in", IN }, { "like", LIKE }, { "exists", EXISTS },
  { "and", AND }, { "or", OR }, { "not", NOT },
};

/* ---- paths ---- */

void
hawser_twin_path_init (HawserTwinPath *self, const char *text, gsize len)
{
  static const struct {
    const char *name;
    int place;
  } places[] = {
    { "id", AT_ID }, { "parent", AT_PARENT }, { "state", AT_STATE }, { "revision", AT_REVISION }, { "family", AT_FAMILY },
    { "reported/", AT_REPORTED }, { "desired/", AT_DESIRED }, { "attributes/", AT_ATTRIBUTES },
  };
  const char *rest, *slash;

  memset (self, 0, sizeof *self);
  self->text = g_strndup (text, len);
  rest = *self->text == '/' ? self->text + 1 : self->text;
  if (strncmp (rest, "features/", strlen ("features/")) == 0)
    {
      char *resolved = hawser_twin_resolve_feature_path (rest);

      g_free (self->text);
      self->text = resolved;
    }
  self->place = AT_REPORTED;
  self->family = G_MAXUINT;
  rest = *self->text == '/' ? self->text + 1 : self->text;
  for (gsize i = 0; i < G_N_ELEMENTS (places); i++)
    {
      gsize name_len = strlen (places[i].name);
      gboolean has_key = places[i].place >= AT_REPORTED;

      if (has_key ? strncmp (rest, places[i].name, name_len) != 0 : strcmp (rest, places[i].name) != 0)
        continue;
      self->place = places[i].place;
      rest += has_key ? name_len : 0;
      break;
    }
  if (self->place < AT_REPORTED)
    return;
  slash = strchr (rest, '/');
  self->key = slash != NULL ? g_strndup (rest, (gsize) (slash - rest)) : g_strdup (rest);
  if (slash != NULL && !(self->place == AT_REPORTED && strcmp (slash, "/value") == 0))
    self->pointer = g_strdup (slash);
}

void
hawser_twin_path_clear (HawserTwinPath *self)
{
  g_free (self->text);
  g_free (self->key);
  g_free (self->pointer);
  memset (self, 0, sizeof *self);
}

static void
read_json (const char *json, const char *pointer, HawserTwinOperand *out)
{
  gsize len = strlen (json);
  HawserJsonSlice value;

  if (!(pointer != NULL ? hawser_json_pointer_get (pointer, json, len, &value) : hawser_json_parse (json, len, &value, NULL)))
    return;
  switch (value.type)
    {
    case HAWSER_JSON_NUMBER:
      if (hawser_json_slice_get_double (&value, &out->number))
        out->kind = 'n';
      break;
    case HAWSER_JSON_BOOLEAN:
      out->kind = 'b';
      out->number = value.text[0] == 't';
      break;
    case HAWSER_JSON_STRING:
      out->owned = hawser_json_slice_dup_string (&value);
      out->text = out->owned;
      out->kind = out->owned != NULL ? 's' : '-';
      break;
    case HAWSER_JSON_NULL: break;
    case HAWSER_JSON_ARRAY:
    case HAWSER_JSON_OBJECT:
    default: out->kind = 'j';
    }
}

void
hawser_twin_path_read (HawserTwinPath *self, HawserTwins *twins, HawserTwinRef twin, HawserTwinOperand *out)
{
  HawserTwinRecord *record = hawser_twin_get (twins, twin);
  HawserTwinFamily *family = hawser_twin_family (twins, record);
  HawserTwinExtra *extra;
  HawserTwinDocument *document;
  HawserTwinEntry *entry;
  HawserTwinRow *row;

  *out = (HawserTwinOperand) { .kind = '-' };
  switch (self->place)
    {
    case AT_ID: out->kind = 's'; out->text = hawser_twin_name (twins, record)->text; return;
    case AT_PARENT:
      if (record->parent != 0)
        {
          out->kind = 's';
          out->text = hawser_twins_get_id (twins, record->parent);
        }
      return;
    case AT_STATE: out->kind = 's'; out->text = hawser_twin_state_to_nick (record->state); return;
    case AT_REVISION: out->kind = 'n'; out->number = (double) record->revision; return;
    case AT_FAMILY:
      if (family->name != NULL)
        {
          out->kind = 's';
          out->text = family->name;
        }
      return;
    default: break;
    }
  if (self->place == AT_REPORTED && self->pointer == NULL)
    {
      /* found once for each family, and again when it learned a new number */
      if (G_UNLIKELY (self->family != record->family || self->n_columns != family->n_columns))
        {
          self->family = record->family;
          self->n_columns = family->n_columns;
          self->column = hawser_twin_family_find_column (family, self->key, strlen (self->key));
        }
      row = hawser_twin_row (twins, record);
      if (self->column >= 0 && row != NULL && (guint) self->column < row->n && isfinite (row->values[self->column]))
        {
          out->kind = 'n';
          out->number = row->values[self->column];
          return;
        }
      if (record->is_passive && self->column >= 0)
        {
          /* not among the numbers that stayed */
          hawser_twin_peek (twins, twin);
          hawser_twin_path_read (self, twins, twin, out);
          return;
        }
    }
  hawser_twin_peek (twins, twin);
  extra = hawser_twin_extra (twins, record);
  if (extra == NULL)
    return;
  document = self->place == AT_REPORTED ? &extra->reported : self->place == AT_DESIRED ? &extra->desired : &extra->attributes;
  entry = hawser_twin_document_find (document, self->key, strlen (self->key));
  if (entry != NULL)
    read_json (entry->json, self->pointer, out);
}

/* ---- reading the text ---- */

static void
clear_value (gpointer data)
{
  g_free (((Value *) data)->text);
}

static void
clear_term (gpointer data)
{
  Term *term = data;

  hawser_twin_path_clear (&term->path);
  if (term->values != NULL)
    g_array_unref (term->values);
}

typedef struct {
  const char *start, *next, *end;
  GError **error;
} Reader;

static gboolean
fail (Reader *reader, const char *text)
{
  g_set_error (reader->error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "query at character %ld: %s", (long) g_utf8_pointer_to_offset (reader->start, reader->next) + 1, text);
  return FALSE;
}

static char
peek (Reader *reader)
{
  while (reader->next < reader->end && *reader->next == ' ')
    reader->next++;
  return reader->next < reader->end ? *reader->next : '\0';
}

static gboolean
expect (Reader *reader, char c, const char *text)
{
  if (peek (reader) != c)
    return fail (reader, text);
  reader->next++;
  return TRUE;
}

static gboolean
read_path (Reader *reader, HawserTwinPath *path)
{
  const char *start;

  peek (reader);
  start = reader->next;
  while (reader->next < reader->end && strchr (",() \"'", *reader->next) == NULL)
    reader->next++;
  if (reader->next == start || reader->next - start > 2 * HAWSER_TWIN_MAX_KEY)
    return fail (reader, "the path of a property expected, such as reported/soc");
  hawser_twin_path_init (path, start, (gsize) (reader->next - start));
  return TRUE;
}

/* A JSON scalar; a text may stand in single quotes, or bare when it is one word. */
static gboolean
read_value (Reader *reader, Value *out)
{
  char c = peek (reader);
  HawserJsonScanner scanner = { reader->next, reader->end, NULL };
  HawserJsonSlice slice;
  const char *start = reader->next;
  gsize len;

  *out = (Value) { .kind = 's' };
  if (c == '"')
    {
      if (!hawser_json_scan_value (&scanner, &slice))
        return fail (reader, scanner.reason);
      reader->next = scanner.next;
      out->text = hawser_json_slice_dup_string (&slice);
      return out->text != NULL || fail (reader, "a text without U+0000 expected");
    }
  if (c == '\'')
    {
      const char *close = memchr (start + 1, '\'', (gsize) (reader->end - start - 1));

      if (close == NULL)
        return fail (reader, "text without an end");
      out->text = g_strndup (start + 1, (gsize) (close - start - 1));
      reader->next = close + 1;
      return TRUE;
    }
  while (reader->next < reader->end && strchr (",() \"'", *reader->next) == NULL)
    reader->next++;
  len = (gsize) (reader->next - start);
  if (len == 0)
    return fail (reader, "a value expected");
  if (hawser_json_parse (start, len, &slice, NULL) && slice.type < HAWSER_JSON_STRING)
    {
      gboolean boolean = FALSE;

      if (slice.type == HAWSER_JSON_NULL)
        out->kind = '-';
      else if (hawser_json_slice_get_boolean (&slice, &boolean))
        {
          out->kind = 'b';
          out->number = boolean;
        }
      else if (hawser_json_slice_get_double (&slice, &out->number))
        out->kind = 'n';
      else
        return fail (reader, "a number out of range");
      return TRUE;
    }
  out->text = g_strndup (start, len);
  return TRUE;
}

static gboolean
read_name (Reader *reader, Op *out_op)
{
  const char *start;

  peek (reader);
  start = reader->next;
  while (reader->next < reader->end && g_ascii_isalpha (*reader->next))
    reader->next++;
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    if (strlen (names[i].name) == (gsize) (reader->next - start) && memcmp (names[i].name, start, strlen (names[i].name)) == 0)
      {
        *out_op = names[i].op;
        return expect (reader, '(', "'(' expected");
      }
  reader->next = start;
  return fail (reader, "one of eq ne gt ge lt le in like exists and or not expected");
}

static gboolean
read_comparison (Reader *reader, Op op, Term *term)
{
  *term = (Term) { .op = op, .values = g_array_new (FALSE, FALSE, sizeof (Value)) };
  g_array_set_clear_func (term->values, clear_value);
  if (!read_path (reader, &term->path))
    return FALSE;
  while (op != EXISTS && peek (reader) == ',')
    {
      Value value;

      reader->next++;
      if (!read_value (reader, &value))
        {
          g_free (value.text);
          return FALSE;
        }
      g_array_append_val (term->values, value);
      if (term->values->len > HAWSER_TWIN_MAX_TERMS || (op != IN && term->values->len > 1))
        return fail (reader, op == IN ? "too many values" : "one value expected");
    }
  if ((op != EXISTS && term->values->len == 0) || (op == LIKE && g_array_index (term->values, Value, 0).kind != 's'))
    return fail (reader, op == LIKE ? "a pattern in quotes expected" : "',' and a value expected");
  return expect (reader, ')', "')' expected");
}

HawserTwinQuery *
hawser_twin_query_new (const char *text, GError **error)
{
  HawserTwinQuery *self = g_new0 (HawserTwinQuery, 1);
  g_autoptr (GArray) open = g_array_new (FALSE, FALSE, sizeof (Term));
  Reader reader = { text, text, text + strlen (text), error };
  gboolean ok = TRUE;

  self->terms = g_array_new (FALSE, FALSE, sizeof (Term));
  g_array_set_clear_func (self->terms, clear_term);
  if (strlen (text) > HAWSER_TWIN_MAX_QUERY || !g_utf8_validate (text, -1, NULL))
    ok = fail (&reader, "more than 16384 bytes, or no UTF-8");
  while (ok)
    {
      Term term = { .op = AND };
      Op op = AND;

      ok = read_name (&reader, &op);
      if (!ok)
        break;
      if (op >= AND)
        {
          term.op = op;
          g_array_append_val (open, term);
          ok = open->len < HAWSER_TWIN_MAX_TERMS || fail (&reader, "too many terms");
          continue;
        }
      ok = read_comparison (&reader, op, &term);
      g_array_append_val (self->terms, term);
      ok = ok && (self->terms->len < HAWSER_TWIN_MAX_TERMS || fail (&reader, "too many terms"));
      /* a term has ended, and with it perhaps those around it */
      while (ok && open->len > 0)
        {
          Term *around = &g_array_index (open, Term, open->len - 1);

          around->n_below++;
          if (around->op != NOT && peek (&reader) == ',')
            {
              reader.next++;
              break;
            }
          ok = expect (&reader, ')', around->op == NOT ? "')' expected: not takes one term" : "',' or ')' expected");
          if (!ok)
            break;
          g_array_append_val (self->terms, *around);
          g_array_set_size (open, open->len - 1);
          if (open->len == 0)
            break;
          continue;
        }
      if (ok && open->len == 0)
        {
          ok = peek (&reader) == '\0' || fail (&reader, "nothing more expected");
          break;
        }
    }
  if (ok)
    return self;
  hawser_twin_query_free (self);
  return NULL;
}

void
hawser_twin_query_free (HawserTwinQuery *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->terms);
  g_free (self);
}

/* ---- evaluating ---- */

/* * any text, ? one character; without recursion: the last * is tried again one further. */
static gboolean
is_like (const char *text, const char *pattern)
{
  const char *star = NULL, *again = NULL;

  while (*text != '\0')
    if (*pattern == '*')
      {
        star = pattern++;
        again = text;
      }
    else if (*pattern == '?' || (*pattern == *text && *pattern != '\0'))
      {
        text = *pattern == '?' ? g_utf8_next_char (text) : text + 1;
        pattern++;
      }
    else if (star != NULL)
      {
        pattern = star + 1;
        text = ++again;
      }
    else
      return FALSE;
  while (*pattern == '*')
    pattern++;
  return *pattern == '\0';
}

/* -1, 0, 1; 2 when the two cannot be compared. */
static int
compare (const HawserTwinOperand *a, const Value *b)
{
  if (a->kind != b->kind)
    return 2;
  if (a->kind == 's')
    {
      int order = strcmp (a->text, b->text);

      return (order > 0) - (order < 0);
    }
  if (a->kind == '-')
    return 0;
  return a->kind == 'n' || a->kind == 'b' ? (a->number > b->number) - (a->number < b->number) : 2;
}

static gboolean
is_true (Term *term, const HawserTwinOperand *operand)
{
  const Value *value = term->values->len > 0 ? &g_array_index (term->values, Value, 0) : NULL;
  int order = value != NULL && term->op <= LE ? compare (operand, value) : 2;

  switch (term->op)
    {
    case EQ: return order == 0;
    case NE: return order != 0;
    case GT: return order == 1 && operand->kind != '-';
    case GE: return (order == 0 || order == 1) && operand->kind != '-';
    case LT: return order == -1;
    case LE: return (order == 0 || order == -1) && operand->kind != '-';
    case IN:
      for (guint i = 0; i < term->values->len; i++)
        if (compare (operand, &g_array_index (term->values, Value, i)) == 0)
          return TRUE;
      return FALSE;
    case LIKE: return operand->kind == 's' && is_like (operand->text, value->text);
    case EXISTS: return operand->kind != '-';
    case AND: case OR: case NOT: default: return FALSE;
    }
}

gboolean
hawser_twin_query_matches (HawserTwinQuery *self, HawserTwins *twins, HawserTwinRef twin)
{
  gboolean stack[HAWSER_TWIN_MAX_TERMS + 1];
  guint depth = 0;

  for (guint i = 0; i < self->terms->len; i++)
    {
      Term *term = &g_array_index (self->terms, Term, i);
      HawserTwinOperand operand;
      gboolean all = TRUE, any = FALSE;

      if (term->op < AND)
        {
          hawser_twin_path_read (&term->path, twins, twin, &operand);
          stack[depth++] = is_true (term, &operand);
          g_free (operand.owned);
          continue;
        }
      for (guint n = 0; n < term->n_below; n++)
        {
          depth--;
          all = all && stack[depth];
          any = any || stack[depth];
        }
      stack[depth++] = term->op == AND ? all : term->op == OR ? any : !any;
    }
  return depth == 1 && stack[0];
}
