/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Arithmetic over the members of a payload, for the map stage of a pipeline. It is compiled once to steps in postfix order, without
 * recursion, and evaluated on a small stack for each message. No words, no loops, no calls: it ends after as many steps as it has.
 * In a pointer - and / are part of names: the operators need a blank before them there. */

#include "hawser-formula-private.h"

#include <math.h>
#include <string.h>

#include "hawser-error.h"
#include "hawser-json-pointer.h"
#include "hawser-json-writer.h"

typedef enum {
  STEP_NUMBER,
  STEP_POINTER,
  STEP_NEGATE,
  STEP_ADD,
  STEP_SUBTRACT,
  STEP_MULTIPLY,
  STEP_DIVIDE,
  STEP_OPEN,            /* a bracket, while it is compiled */
} StepKind;

typedef struct {
  StepKind kind;
  double number;
  char *pointer;
} Step;

struct _HawserFormula {
  GArray *steps;
};

/* How tightly an operator binds; 0: a bracket, which nothing passes. */
static const guint8 ranks[] = {
  [STEP_NEGATE] = 3, [STEP_ADD] = 1, [STEP_SUBTRACT] = 1, [STEP_MULTIPLY] = 2, [STEP_DIVIDE] = 2, [STEP_OPEN] = 0,
};

static void
clear_step (gpointer step)
{
  g_free (((Step *) step)->pointer);
}

void
hawser_formula_free (HawserFormula *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->steps);
  g_free (self);
}

/* ---- Compiling ---- */

typedef struct {
  HawserFormula *formula;
  const char *begin, *at;
  StepKind waiting[HAWSER_FORMULA_MAX_DEPTH];
  guint n_waiting;
  guint n_values, most_values;
  const char *problem;
} Compiler;

static void
add_step (Compiler *self, StepKind kind, double number, char *pointer)
{
  Step step = { kind, number, pointer };

  g_array_append_val (self->formula->steps, step);
  if (kind <= STEP_POINTER)
    self->most_values = MAX (self->most_values, ++self->n_values);
  else if (kind != STEP_NEGATE)
    self->n_values--;
  if (self->formula->steps->len > HAWSER_FORMULA_MAX_STEPS || self->most_values > HAWSER_FORMULA_MAX_DEPTH)
    self->problem = "it is too long";
}

static void
wait_for_operand (Compiler *self, StepKind kind)
{
  if (self->n_waiting == HAWSER_FORMULA_MAX_DEPTH)
    self->problem = "it is nested too deeply";
  else
    self->waiting[self->n_waiting++] = kind;
}

static void
apply_waiting (Compiler *self, guint8 rank)
{
  while (self->n_waiting > 0 && ranks[self->waiting[self->n_waiting - 1]] >= rank)
    add_step (self, self->waiting[--self->n_waiting], 0, NULL);
}

static void
read_pointer (Compiler *self)
{
  gsize len = strcspn (self->at, " \t,()*+");
  char *pointer = g_strndup (self->at, len);

  add_step (self, STEP_POINTER, 0, pointer);
  if (!hawser_json_pointer_check (pointer))
    self->problem = "this is no JSON Pointer";
  else
    self->at += len;
}

/* One number, pointer, sign or opening bracket. TRUE: a value is complete. */
static gboolean
read_operand (Compiler *self)
{
  char *end;
  double number;

  if (*self->at == '/')
    {
      read_pointer (self);
      return TRUE;
    }
  if (*self->at == '-' || *self->at == '(')
    {
      wait_for_operand (self, *self->at++ == '-' ? STEP_NEGATE : STEP_OPEN);
      return FALSE;
    }
  if (!g_ascii_isdigit (*self->at) && *self->at != '.')
    {
      self->problem = "a number, a JSON Pointer or a bracket is expected";
      return FALSE;
    }
  number = g_ascii_strtod (self->at, &end);
  if (!isfinite (number) || end == self->at)
    self->problem = "this is no number";
  else
    self->at = end;
  add_step (self, STEP_NUMBER, number, NULL);
  return TRUE;
}

/* One operator or closing bracket. TRUE: a value is still complete. */
static gboolean
read_operator (Compiler *self)
{
  static const char signs[] = "+-*/";
  static const StepKind kinds[] = { STEP_ADD, STEP_SUBTRACT, STEP_MULTIPLY, STEP_DIVIDE };
  const char *sign = strchr (signs, *self->at);

  if (*self->at == ')')
    {
      apply_waiting (self, 1);
      if (self->n_waiting == 0)
        {
          self->problem = "there is no bracket to close";
          return TRUE;
        }
      self->n_waiting--;
      self->at++;
      return TRUE;
    }
  if (sign == NULL)
    {
      self->problem = "+, -, *, /, a comma or the end is expected";
      return TRUE;
    }
  apply_waiting (self, ranks[kinds[sign - signs]]);
  wait_for_operand (self, kinds[sign - signs]);
  self->at++;
  return FALSE;
}

HawserFormula *
hawser_formula_new (const char *text, const char **out_end, GError **error)
{
  g_autoptr (HawserFormula) self = g_new0 (HawserFormula, 1);
  Compiler compiler = { .formula = self, .begin = text, .at = text };
  gboolean has_value = FALSE;

  self->steps = g_array_new (FALSE, FALSE, sizeof (Step));
  g_array_set_clear_func (self->steps, clear_step);
  while (compiler.problem == NULL)
    {
      compiler.at += strspn (compiler.at, " \t");
      if (has_value && (*compiler.at == '\0' || *compiler.at == ','))
        break;
      has_value = has_value ? read_operator (&compiler) : read_operand (&compiler);
    }
  if (compiler.problem == NULL)
    apply_waiting (&compiler, 1);
  if (compiler.problem == NULL && compiler.n_waiting > 0)
    compiler.problem = "a bracket is not closed";
  if (compiler.problem != NULL)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "column %u of '%s': %s", (guint) (compiler.at - text) + 1, text, compiler.problem);
      return NULL;
    }
  *out_end = compiler.at;
  return g_steal_pointer (&self);
}

/* ---- Evaluating ---- */

static gboolean
evaluate (const HawserFormula *self, const char *json, gsize len, double *out)
{
  double stack[HAWSER_FORMULA_MAX_DEPTH];
  guint n = 0;

  for (guint i = 0; i < self->steps->len; i++)
    {
      const Step *step = &g_array_index (self->steps, Step, i);

      switch (step->kind)
        {
        case STEP_NUMBER: stack[n++] = step->number; break;
        case STEP_POINTER:
          if (!hawser_json_pointer_get_double (step->pointer, json, len, &stack[n++]))
            return FALSE;
          break;
        case STEP_NEGATE: stack[n - 1] = -stack[n - 1]; break;
        case STEP_ADD: n--; stack[n - 1] += stack[n]; break;
        case STEP_SUBTRACT: n--; stack[n - 1] -= stack[n]; break;
        case STEP_MULTIPLY: n--; stack[n - 1] *= stack[n]; break;
        case STEP_DIVIDE:
          n--;
          if (!(fabs (stack[n]) > 0))
            return FALSE;
          stack[n - 1] /= stack[n];
          break;
        case STEP_OPEN:
        default: g_assert_not_reached ();
        }
    }
  *out = stack[0];
  return isfinite (stack[0]);
}

gboolean
hawser_formula_append (const HawserFormula *self, const char *json, gsize len, GString *out)
{
  const Step *first = &g_array_index (self->steps, Step, 0);
  HawserJsonWriter writer;
  HawserJsonSlice slice;
  double value;

  if (self->steps->len == 1 && first->kind == STEP_POINTER)
    {
      if (!hawser_json_pointer_get (first->pointer, json, len, &slice))
        return FALSE;
      g_string_append_len (out, slice.text, (gssize) slice.len);
      return TRUE;
    }
  if (!evaluate (self, json, len, &value))
    return FALSE;
  hawser_json_writer_init (&writer, out);
  hawser_json_writer_double (&writer, value);
  return TRUE;
}
