/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A one-line condition over named texts, compiled once and evaluated often: `role == "operator" and not (level < 3)`.
 * HawserPolicy asks it about claims; with pointers it is asked about parts of a document.
 *
 * Compiling is a shunting yard with an explicit, bounded stack; what comes out is a flat program in postfix order with
 * skips, so neither step recurses on what somebody wrote. Evaluating allocates nothing unless an explanation is wanted.
 *
 * Three truth values (Kleene): a comparison with a name that has no value, or with a value of another kind, is unknown, and
 * so is its negation. Only true lets anybody in, so a missing claim can never be turned into a right by `not` or `!=`.
 * A name with several values satisfies a comparison when any of them does; `!=` and `not in` are the exact opposites of
 * `==` and `in`, hence need all values to differ. */

#include "hawser-expression-private.h"

#include <string.h>

#include "hawser-error.h"
#include "hawser-glob-private.h"
#include "hawser-scalar-private.h"

#define MAX_STACK (3 * HAWSER_EXPRESSION_MAX_DEPTH + 8)  /* each bracket can hold an `or` and an `and` open */
#define MAX_COMBINATIONS 256  /* of values of several multi-valued claims in one pattern */

typedef enum {
  TOKEN_END,
  TOKEN_NAME,
  TOKEN_STRING,
  TOKEN_NUMBER,
  TOKEN_OPEN,
  TOKEN_CLOSE,
  TOKEN_SEPARATOR,
  TOKEN_AND,
  TOKEN_OR,
  TOKEN_NOT,
  TOKEN_IN,
  TOKEN_EXISTS,
  TOKEN_TRUE,
  TOKEN_FALSE,
  TOKEN_EQ,
  TOKEN_NE,
  TOKEN_LT,
  TOKEN_LE,
  TOKEN_GT,
  TOKEN_GE,
  TOKEN_MATCH,
} TokenKind;

static const struct {
  const char *text;
  TokenKind kind;
} words[] = {
  { "and", TOKEN_AND }, { "or", TOKEN_OR }, { "not", TOKEN_NOT }, { "in", TOKEN_IN },
  { "exists", TOKEN_EXISTS }, { "true", TOKEN_TRUE }, { "false", TOKEN_FALSE },
}, marks[] = {
  { "==", TOKEN_EQ }, { "!=", TOKEN_NE }, { "<=", TOKEN_LE }, { ">=", TOKEN_GE }, { "<", TOKEN_LT }, { ">", TOKEN_GT },
  { "~", TOKEN_MATCH }, { "(", TOKEN_OPEN }, { ")", TOKEN_CLOSE }, { ";", TOKEN_SEPARATOR }, { ",", TOKEN_SEPARATOR },
};

typedef struct {
  TokenKind kind;
  gsize start, end;   /* bytes in the text */
} Token;

typedef struct {
  char *text;
  HawserScalar scalar;
} Value;

typedef struct {
  TokenKind op;       /* TOKEN_EQ .. TOKEN_MATCH, TOKEN_IN or TOKEN_EXISTS */
  gboolean is_negated;
  guint name;
  GArray *values;     /* of Value: one, or the list of `in` */
  HawserGlob *glob;
  guint substitutions[HAWSER_GLOB_MAX_SUBSTITUTIONS];   /* names */
} Term;

typedef enum {
  CODE_CONSTANT,
  CODE_TERM,
  CODE_NOT,
  CODE_AND,
  CODE_OR,
  CODE_SKIP_IF_FALSE,
  CODE_SKIP_IF_TRUE,
} CodeKind;

typedef struct {
  CodeKind kind;
  guint argument;     /* constant: truth; term: its index; skip: where to go on */
  gsize start, end;   /* of the source, for explanations */
} Code;

struct _HawserExpression {
  char *text;
  GPtrArray *names;
  GArray *terms;
  GArray *code;
};

typedef struct {
  HawserExpression *expression;
  HawserExpressionFlags flags;
  const char *text;
  Token token;            /* the next one */
  gsize previous_end;
  GArray *pending;        /* of Pending: the operator stack */
  guint depth;
  guint n_values, max_values;
  gsize error_at;
  GError **error;
} Parser;

typedef struct {
  TokenKind kind;         /* TOKEN_AND, TOKEN_OR, TOKEN_NOT, TOKEN_OPEN */
  gsize start;
  guint skip;             /* index of the skip to patch */
} Pending;

static void
clear_value (gpointer data)
{
  g_free (((Value *) data)->text);
}

static void
clear_term (gpointer data)
{
  Term *term = data;

  g_clear_pointer (&term->values, g_array_unref);
  g_clear_pointer (&term->glob, hawser_glob_free);
}

static gboolean
fail (Parser *parser, gsize at, const char *format, ...) G_GNUC_PRINTF (3, 4);

static gboolean
fail (Parser *parser, gsize at, const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list args;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  parser->error_at = at;
  g_set_error_literal (parser->error, HAWSER_ERROR, HAWSER_ERROR_INVALID, message);
  return FALSE;
}

/* ---- words ---- */

static gboolean
is_name_start (const Parser *parser, char c)
{
  return g_ascii_isalpha (c) || c == '_' || (c == '/' && parser->flags == HAWSER_EXPRESSION_POINTERS);
}

static gboolean
is_name (char c)
{
  return g_ascii_isalnum (c) || strchr ("_-.:/~", c) != NULL;
}

static gboolean
scan_string (Parser *parser, gsize at)
{
  gsize i;

  for (i = at + 1; parser->text[i] != '"'; i++)
    {
      if (parser->text[i] == '\0')
        return fail (parser, at, "text is never closed with '\"'");
      if (parser->text[i] == '\\' && (parser->text[++i] == '\0' || strchr ("\"\\*?{}+#", parser->text[i]) == NULL))
        return fail (parser, i - 1, "'\\' may stand only before \" \\ * ? { } + #");
    }
  parser->token = (Token) { TOKEN_STRING, at, i + 1 };
  return TRUE;
}

static gboolean
scan_word (Parser *parser, gsize at)
{
  gsize i = at, len;

  while (parser->text[i] != '\0' && is_name (parser->text[i]) &&
         (parser->text[i] != '~' || parser->text[at] == '/'))   /* '~' only in pointers, as their escape */
    i++;
  len = i - at;
  parser->token = (Token) { TOKEN_NAME, at, i };
  for (gsize w = 0; w < G_N_ELEMENTS (words); w++)
    if (strlen (words[w].text) == len && memcmp (words[w].text, parser->text + at, len) == 0)
      parser->token.kind = words[w].kind;
  return TRUE;
}

static gboolean
scan_number (Parser *parser, gsize at)
{
  gsize i = at + 1;
  g_autofree char *number = NULL;
  HawserScalar scalar;

  while (g_ascii_isalnum (parser->text[i]) || parser->text[i] == '.' ||
         ((parser->text[i] == '-' || parser->text[i] == '+') && g_ascii_tolower (parser->text[i - 1]) == 'e'))
    i++;
  number = g_strndup (parser->text + at, i - at);
  hawser_scalar_parse (number, &scalar);
  if (scalar.kind != HAWSER_SCALAR_NUMBER)
    return fail (parser, at, "'%s' is not a number; a text stands in quotes", number);
  parser->token = (Token) { TOKEN_NUMBER, at, i };
  return TRUE;
}

/* Reads the next token into parser->token. */
static gboolean
advance (Parser *parser)
{
  gsize at = parser->token.end;
  const char *text = parser->text;

  parser->previous_end = at;
  while (text[at] == ' ' || text[at] == '\t')
    at++;
  if (text[at] == '\0')
    {
      parser->token = (Token) { TOKEN_END, at, at };
      return TRUE;
    }
  if (text[at] == '"')
    return scan_string (parser, at);
  if (is_name_start (parser, text[at]))
    return scan_word (parser, at);
  if (g_ascii_isdigit (text[at]) || (text[at] == '-' && g_ascii_isdigit (text[at + 1])))
    return scan_number (parser, at);
  for (gsize m = 0; m < G_N_ELEMENTS (marks); m++)
    if (g_str_has_prefix (text + at, marks[m].text))
      {
        parser->token = (Token) { marks[m].kind, at, at + strlen (marks[m].text) };
        return TRUE;
      }
  if (text[at] == '=')
    return fail (parser, at, "'=' does not compare; write '=='");
  return fail (parser, at, "'%.*s' has no meaning here", (int) (g_utf8_next_char (text + at) - (text + at)), text + at);
}

/* ---- terms ---- */

static char *
token_text (const Parser *parser)
{
  return g_strndup (parser->text + parser->token.start, parser->token.end - parser->token.start);
}

static guint
intern (HawserExpression *self, const char *name)
{
  guint i;

  for (i = 0; i < self->names->len; i++)
    if (strcmp (g_ptr_array_index (self->names, i), name) == 0)
      return i;
  g_ptr_array_add (self->names, g_strdup (name));
  return i;
}

static char *
unescape (const char *text, gsize len)
{
  GString *out = g_string_sized_new (len);

  for (gsize i = 0; i < len; i++)
    {
      if (text[i] == '\\')
        i++;
      g_string_append_c (out, text[i]);
    }
  return g_string_free (out, FALSE);
}

static gboolean
expect_value (Parser *parser, const char *after)
{
  if (parser->token.kind == TOKEN_STRING || parser->token.kind == TOKEN_NUMBER || parser->token.kind == TOKEN_TRUE ||
      parser->token.kind == TOKEN_FALSE)
    return TRUE;
  if (parser->token.kind == TOKEN_NAME)
    {
      g_autofree char *name = token_text (parser);

      return fail (parser, parser->token.start, "expected a value after '%s'; a text stands in quotes: \"%s\"", after, name);
    }
  return fail (parser, parser->token.start, "expected a value after '%s'", after);
}

static gboolean
parse_value (Parser *parser, Term *term, const char *after)
{
  Value value = { 0 };
  const Token *token = &parser->token;

  if (!expect_value (parser, after))
    return FALSE;
  if (++parser->n_values > HAWSER_EXPRESSION_MAX_TERMS)
    return fail (parser, token->start, "more than %d values", HAWSER_EXPRESSION_MAX_TERMS);
  if (token->kind == TOKEN_STRING)
    value.text = unescape (parser->text + token->start + 1, token->end - token->start - 2);
  else
    value.text = token_text (parser);
  hawser_scalar_parse (value.text, &value.scalar);
  /* "007" in quotes is a name, not the number 7; only an order makes a number of it */
  if (token->kind == TOKEN_STRING && value.scalar.kind == HAWSER_SCALAR_NUMBER && (term->op == TOKEN_EQ || term->op == TOKEN_IN))
    value.scalar.kind = HAWSER_SCALAR_TEXT;
  g_array_append_val (term->values, value);
  return TRUE;
}

static gboolean
parse_pattern (Parser *parser, Term *term)
{
  HawserExpression *self = parser->expression;
  g_autofree char *pattern = NULL;
  gsize offset = 0;

  if (!expect_value (parser, "~"))
    return FALSE;
  if (parser->token.kind != TOKEN_STRING)
    return fail (parser, parser->token.start, "'~' needs a pattern in quotes");
  pattern = g_strndup (parser->text + parser->token.start + 1, parser->token.end - parser->token.start - 2);
  term->glob = hawser_glob_new (pattern, strcmp (g_ptr_array_index (self->names, term->name), "topic") == 0, &offset, parser->error);
  if (term->glob == NULL)
    {
      parser->error_at = parser->token.start + 1 + offset;
      return FALSE;
    }
  for (guint i = 0; i < hawser_glob_get_n_substitutions (term->glob); i++)
    term->substitutions[i] = intern (self, hawser_glob_get_substitution (term->glob, i));
  return TRUE;
}

static gboolean
parse_list (Parser *parser, Term *term)
{
  if (parser->token.kind != TOKEN_OPEN)
    return fail (parser, parser->token.start, parser->token.kind == TOKEN_END ? "expected a value after 'in'" : "expected a list in brackets after 'in': (\"a\"; \"b\")");
  do
    {
      if (!advance (parser))
        return FALSE;
      if (parser->token.kind == TOKEN_CLOSE && term->values->len > 0)
        return TRUE;
      if (!parse_value (parser, term, term->values->len > 0 ? ";" : "in (") || !advance (parser))
        return FALSE;
    }
  while (parser->token.kind == TOKEN_SEPARATOR);
  if (parser->token.kind != TOKEN_CLOSE)
    return fail (parser, parser->token.start, "expected ';' or ')' in the list of 'in'");
  return TRUE;
}

static gboolean
parse_order (Parser *parser, Term *term, const char *mark)
{
  if (!parse_value (parser, term, mark))
    return FALSE;
  if (g_array_index (term->values, Value, 0).scalar.kind == HAWSER_SCALAR_TEXT)
    return fail (parser, parser->token.start, "'%s' needs a number or a date", mark);
  return TRUE;
}

/* What follows the name. Leaves the last token of the term as the current one. */
static gboolean
parse_comparison (Parser *parser, Term *term)
{
  g_autofree char *mark = token_text (parser);

  if (parser->token.kind == TOKEN_NOT)
    {
      if (!advance (parser))
        return FALSE;
      if (parser->token.kind != TOKEN_IN)
        return fail (parser, parser->token.start, "expected 'in' after 'not'");
      term->is_negated = TRUE;
    }
  term->op = parser->token.kind;
  switch (term->op)
    {
    case TOKEN_EXISTS:
      return TRUE;
    case TOKEN_IN:
      return advance (parser) && parse_list (parser, term);
    case TOKEN_MATCH:
      return advance (parser) && parse_pattern (parser, term);
    case TOKEN_NE:
      term->op = TOKEN_EQ;
      term->is_negated = TRUE;
      return advance (parser) && parse_value (parser, term, mark);
    case TOKEN_EQ:
      return advance (parser) && parse_value (parser, term, mark);
    case TOKEN_LT:
    case TOKEN_LE:
    case TOKEN_GT:
    case TOKEN_GE:
      return advance (parser) && parse_order (parser, term, mark);
    default:
      return fail (parser, parser->token.start, "expected one of == != < > <= >= in ~ exists after '%s'",
                   (const char *) g_ptr_array_index (parser->expression->names, term->name));
    }
}

static gboolean
emit (Parser *parser, CodeKind kind, guint argument, gsize start, gsize end)
{
  Code code = { kind, argument, start, end };

  g_array_append_val (parser->expression->code, code);
  if (kind == CODE_CONSTANT || kind == CODE_TERM)
    parser->n_values++;
  if (parser->n_values > HAWSER_EXPRESSION_MAX_TERMS)
    return fail (parser, start, "more than %d terms", HAWSER_EXPRESSION_MAX_TERMS);
  return TRUE;
}

static gboolean
parse_term (Parser *parser)
{
  HawserExpression *self = parser->expression;
  Term term = { 0 };
  gsize start = parser->token.start;
  gboolean is_prefix = parser->token.kind == TOKEN_EXISTS, ok;
  g_autofree char *name = NULL;

  if (is_prefix && !advance (parser))
    return FALSE;
  if (parser->token.kind != TOKEN_NAME)
    return fail (parser, parser->token.start, is_prefix ? "expected the name of a claim after 'exists'" : "expected the name of a claim");
  name = token_text (parser);
  term.name = intern (self, name);
  term.values = g_array_new (FALSE, TRUE, sizeof (Value));
  g_array_set_clear_func (term.values, clear_value);
  if (is_prefix)
    {
      term.op = TOKEN_EXISTS;
      ok = TRUE;
    }
  else
    ok = advance (parser) && parse_comparison (parser, &term);
  g_array_append_val (self->terms, term);
  return ok && emit (parser, CODE_TERM, self->terms->len - 1, start, parser->token.end) && advance (parser);
}

/* ---- operators ---- */

static Pending *
top (Parser *parser)
{
  return parser->pending->len > 0 ? &g_array_index (parser->pending, Pending, parser->pending->len - 1) : NULL;
}

static gboolean
push (Parser *parser, TokenKind kind, guint skip)
{
  Pending pending = { kind, parser->token.start, skip };

  if (kind == TOKEN_NOT || kind == TOKEN_OPEN)
    if (++parser->depth > HAWSER_EXPRESSION_MAX_DEPTH)
      return fail (parser, parser->token.start, "nested deeper than %d", HAWSER_EXPRESSION_MAX_DEPTH);
  g_array_append_val (parser->pending, pending);
  return advance (parser);
}

/* Writes the operator on top of the stack into the program. */
static gboolean
reduce (Parser *parser)
{
  Pending pending = *top (parser);
  GArray *code = parser->expression->code;

  g_array_set_size (parser->pending, parser->pending->len - 1);
  if (pending.kind == TOKEN_NOT)
    {
      parser->depth--;
      return emit (parser, CODE_NOT, 0, pending.start, parser->previous_end);
    }
  if (!emit (parser, pending.kind == TOKEN_AND ? CODE_AND : CODE_OR, 0, 0, 0))
    return FALSE;
  g_array_index (code, Code, pending.skip).argument = code->len;
  return TRUE;
}

static gboolean
reduce_while (Parser *parser, TokenKind first, TokenKind second)
{
  while (top (parser) != NULL && (top (parser)->kind == first || top (parser)->kind == second))
    if (!reduce (parser))
      return FALSE;
  return TRUE;
}

static gboolean
parse_operand (Parser *parser, gboolean *is_complete)
{
  Token token = parser->token;

  *is_complete = FALSE;
  switch (token.kind)
    {
    case TOKEN_NOT:
    case TOKEN_OPEN:
      return push (parser, token.kind, 0);
    case TOKEN_TRUE:
    case TOKEN_FALSE:
      *is_complete = TRUE;
      return emit (parser, CODE_CONSTANT, token.kind == TOKEN_TRUE ? HAWSER_TRUTH_TRUE : HAWSER_TRUTH_FALSE, token.start, token.end) &&
             advance (parser) && reduce_while (parser, TOKEN_NOT, TOKEN_NOT);
    default:
      *is_complete = TRUE;
      return parse_term (parser) && reduce_while (parser, TOKEN_NOT, TOKEN_NOT);
    }
}

static gboolean
parse_operator (Parser *parser, gboolean *is_complete)
{
  TokenKind kind = parser->token.kind;

  if (kind == TOKEN_CLOSE)
    {
      if (!reduce_while (parser, TOKEN_AND, TOKEN_OR))
        return FALSE;
      if (top (parser) == NULL)
        return fail (parser, parser->token.start, "')' closes nothing");
      g_array_set_size (parser->pending, parser->pending->len - 1);
      parser->depth--;
      return advance (parser) && reduce_while (parser, TOKEN_NOT, TOKEN_NOT);
    }
  if (kind != TOKEN_AND && kind != TOKEN_OR)
    return fail (parser, parser->token.start, "expected 'and' or 'or'");

  *is_complete = FALSE;
  return reduce_while (parser, TOKEN_AND, kind == TOKEN_OR ? TOKEN_OR : TOKEN_AND) &&
         emit (parser, kind == TOKEN_AND ? CODE_SKIP_IF_FALSE : CODE_SKIP_IF_TRUE, 0, 0, 0) &&
         push (parser, kind, parser->expression->code->len - 1);
}

static gboolean
parse (Parser *parser)
{
  gboolean is_complete = FALSE;   /* whether a whole operand stands before the next token */

  if (!advance (parser))
    return FALSE;
  if (parser->token.kind == TOKEN_END)
    return fail (parser, 0, "the rule is empty; write 'false' to let nobody in");
  while (!is_complete || parser->token.kind != TOKEN_END)
    if (!(is_complete ? parse_operator (parser, &is_complete) : parse_operand (parser, &is_complete)))
      return FALSE;
  if (!reduce_while (parser, TOKEN_AND, TOKEN_OR))
    return FALSE;
  if (top (parser) != NULL)
    return fail (parser, top (parser)->start, "'(' is never closed");
  return TRUE;
}

static gboolean
check_text (Parser *parser, gsize len)
{
  const char *bad;

  if (len > HAWSER_EXPRESSION_MAX_LEN)
    return fail (parser, HAWSER_EXPRESSION_MAX_LEN, "longer than %d bytes", HAWSER_EXPRESSION_MAX_LEN);
  if (!g_utf8_validate (parser->text, (gssize) len, &bad))
    return fail (parser, (gsize) (bad - parser->text), "not valid UTF-8");
  for (gsize i = 0; i < len; i++)
    if (g_ascii_iscntrl (parser->text[i]) && parser->text[i] != '\t')
      return fail (parser, i, "control character");
  return TRUE;
}

/* out_column: (nullable): on failure the column of the error, counted in characters from 1, which the message has in front too. */
HawserExpression *
hawser_expression_new (const char *text, HawserExpressionFlags flags, guint *out_column, GError **error)
{
  g_autoptr (HawserExpression) self = g_new0 (HawserExpression, 1);
  g_autoptr (GArray) pending = g_array_new (FALSE, TRUE, sizeof (Pending));
  Parser parser = { .expression = self, .flags = flags, .text = text, .pending = pending, .error = error };

  self->text = g_strdup (text);
  self->names = g_ptr_array_new_with_free_func (g_free);
  self->terms = g_array_new (FALSE, TRUE, sizeof (Term));
  g_array_set_clear_func (self->terms, clear_term);
  self->code = g_array_new (FALSE, TRUE, sizeof (Code));

  if (!check_text (&parser, strlen (text)) || !parse (&parser))
    {
      guint column = (guint) g_utf8_strlen (text, (gssize) parser.error_at) + 1;

      g_prefix_error (error, "column %u: ", column);
      if (out_column != NULL)
        *out_column = column;
      return NULL;
    }
  return g_steal_pointer (&self);
}

void
hawser_expression_free (HawserExpression *self)
{
  if (self == NULL)
    return;
  g_free (self->text);
  g_ptr_array_unref (self->names);
  g_array_unref (self->terms);
  g_array_unref (self->code);
  g_free (self);
}

const char *
hawser_expression_get_text (const HawserExpression *self)
{
  return self->text;
}

guint
hawser_expression_get_n_names (const HawserExpression *self)
{
  return self->names->len;
}

const char *
hawser_expression_get_name (const HawserExpression *self, guint i)
{
  return g_ptr_array_index (self->names, i);
}

/* ---- evaluation ---- */

typedef struct {
  HawserExpressionLookup lookup;   /* NULL: nothing is known about anything */
  gpointer user_data;
} Source;

static HawserTruth
negate (HawserTruth truth)
{
  return HAWSER_TRUTH_TRUE - truth;
}

static HawserTruth
truth_of (gboolean value)
{
  return value ? HAWSER_TRUTH_TRUE : HAWSER_TRUTH_FALSE;
}

static HawserTruth
compare_equal (const Value *wanted, const char *text)
{
  HawserScalar scalar;

  if (wanted->scalar.kind == HAWSER_SCALAR_TEXT)
    return truth_of (strcmp (wanted->text, text) == 0);
  hawser_scalar_parse (text, &scalar);
  return truth_of (scalar.kind == wanted->scalar.kind && hawser_scalar_compare (&scalar, &wanted->scalar) == 0);
}

static HawserTruth
compare_order (TokenKind op, const Value *wanted, const char *text)
{
  HawserScalar scalar;
  int order;

  hawser_scalar_parse (text, &scalar);
  if (scalar.kind != wanted->scalar.kind)
    return HAWSER_TRUTH_UNKNOWN;
  order = hawser_scalar_compare (&scalar, &wanted->scalar);
  switch (op)
    {
    case TOKEN_LT:
      return truth_of (order < 0);
    case TOKEN_LE:
      return truth_of (order <= 0);
    case TOKEN_GT:
      return truth_of (order > 0);
    default:
      return truth_of (order >= 0);
    }
}

/* Tries the values of the substituted claims in all combinations, as an odometer does. */
static HawserTruth
match (const Term *term, const char *text, const Source *source)
{
  guint n = hawser_glob_get_n_substitutions (term->glob);
  guint at[HAWSER_GLOB_MAX_SUBSTITUTIONS] = { 0 };
  const char *values[HAWSER_GLOB_MAX_SUBSTITUTIONS] = { NULL };

  for (guint i = 0; i < n; i++)
    if ((values[i] = source->lookup (term->substitutions[i], 0, source->user_data)) == NULL)
      return HAWSER_TRUTH_UNKNOWN;
  for (guint tried = 0; tried < MAX_COMBINATIONS; tried++)
    {
      guint i;

      if (hawser_glob_matches (term->glob, text, values))
        return HAWSER_TRUTH_TRUE;
      for (i = 0; i < n; i++)
        {
          if ((values[i] = source->lookup (term->substitutions[i], ++at[i], source->user_data)) != NULL)
            break;
          at[i] = 0;
          values[i] = source->lookup (term->substitutions[i], 0, source->user_data);
        }
      if (i == n)
        return HAWSER_TRUTH_FALSE;
    }
  return HAWSER_TRUTH_UNKNOWN;
}

static HawserTruth
compare (const Term *term, const char *text, const Source *source)
{
  switch (term->op)
    {
    case TOKEN_EXISTS:
      return HAWSER_TRUTH_TRUE;
    case TOKEN_MATCH:
      return match (term, text, source);
    case TOKEN_EQ:
    case TOKEN_IN:
      for (guint i = 0; i < term->values->len; i++)
        if (compare_equal (&g_array_index (term->values, Value, i), text) == HAWSER_TRUTH_TRUE)
          return HAWSER_TRUTH_TRUE;
      return HAWSER_TRUTH_FALSE;
    default:
      return compare_order (term->op, &g_array_index (term->values, Value, 0), text);
    }
}

static HawserTruth
evaluate_term (const Term *term, const Source *source)
{
  HawserTruth best = HAWSER_TRUTH_FALSE;
  const char *text;

  if (source->lookup == NULL)
    return HAWSER_TRUTH_UNKNOWN;
  for (guint i = 0; (text = source->lookup (term->name, i, source->user_data)) != NULL && best != HAWSER_TRUTH_TRUE; i++)
    best = MAX (best, compare (term, text, source));
  if (term->op == TOKEN_EXISTS)
    return best;
  if (source->lookup (term->name, 0, source->user_data) == NULL)
    return HAWSER_TRUTH_UNKNOWN;
  return term->is_negated ? negate (best) : best;
}

typedef struct {
  HawserTruth truth;
  guint cause;   /* the code whose value kept this from being true */
} Result;

/* Of two operands the first that is not true is to blame. */
static Result
both (Result a, Result b)
{
  return (Result) { MIN (a.truth, b.truth), a.truth != HAWSER_TRUTH_TRUE ? a.cause : b.cause };
}

static Result
either (Result a, Result b)
{
  return (Result) { MAX (a.truth, b.truth), a.cause };
}

static Result
run (const HawserExpression *self, const Source *source)
{
  const Code *code = (const Code *) (const void *) self->code->data;
  const Term *terms = (const Term *) (const void *) self->terms->data;
  Result stack[MAX_STACK];
  guint n = 0;

  for (guint pc = 0; pc < self->code->len; pc++)
    switch (code[pc].kind)
      {
      case CODE_CONSTANT:
      case CODE_TERM:
        g_assert (n < MAX_STACK);
        stack[n++] = (Result) { code[pc].kind == CODE_CONSTANT ? (HawserTruth) code[pc].argument : evaluate_term (&terms[code[pc].argument], source), pc };
        break;
      case CODE_NOT:
        stack[n - 1] = (Result) { negate (stack[n - 1].truth), stack[n - 1].truth == HAWSER_TRUTH_UNKNOWN ? stack[n - 1].cause : pc };
        break;
      case CODE_AND:
        n--;
        stack[n - 1] = both (stack[n - 1], stack[n]);
        break;
      case CODE_OR:
        n--;
        stack[n - 1] = either (stack[n - 1], stack[n]);
        break;
      case CODE_SKIP_IF_FALSE:
        if (stack[n - 1].truth == HAWSER_TRUTH_FALSE)
          pc = code[pc].argument - 1;
        break;
      case CODE_SKIP_IF_TRUE:
        if (stack[n - 1].truth == HAWSER_TRUTH_TRUE)
          pc = code[pc].argument - 1;
        break;
      default:
        g_assert_not_reached ();
      }
  return stack[0];
}

static char *
explain (const HawserExpression *self, guint cause, const Source *source)
{
  const Code *code = &g_array_index (self->code, Code, cause);
  g_autofree char *text = g_strndup (self->text + code->start, code->end - code->start);
  const Term *term;

  if (code->kind == CODE_CONSTANT)
    return g_strdup_printf ("the rule says %s", text);
  if (code->kind == CODE_NOT)
    return g_strdup_printf ("%s is false", text);
  term = &g_array_index (self->terms, Term, code->argument);
  if (evaluate_term (term, source) == HAWSER_TRUTH_FALSE)
    return g_strdup_printf ("%s is false", text);
  if (source->lookup (term->name, 0, source->user_data) == NULL)
    return g_strdup_printf ("%s is false: there is no claim '%s'", text, (const char *) g_ptr_array_index (self->names, term->name));
  return g_strdup_printf ("%s is false: it cannot be decided for '%s'", text, source->lookup (term->name, 0, source->user_data));
}

/* out_explanation: (nullable): set to the first term that kept the whole from being true; NULL when it is true. */
HawserTruth
hawser_expression_evaluate (const HawserExpression *self, HawserExpressionLookup lookup, gpointer user_data, char **out_explanation)
{
  Source source = { lookup, user_data };
  Result result = run (self, &source);

  if (out_explanation != NULL)
    *out_explanation = result.truth == HAWSER_TRUTH_TRUE ? NULL : explain (self, result.cause, &source);
  return result.truth;
}

/* What the expression is worth when nothing is known about any name: true or false only when no name can change it. */
HawserTruth
hawser_expression_evaluate_open (const HawserExpression *self)
{
  Source source = { NULL, NULL };

  return run (self, &source).truth;
}
