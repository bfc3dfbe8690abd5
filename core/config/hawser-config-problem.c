/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One thing that is wrong with the configuration, and where. Immutable; any thread. */

#include "hawser-config-problem.h"

G_DEFINE_ENUM_TYPE (HawserConfigSeverity, hawser_config_severity,
                    G_DEFINE_ENUM_VALUE (HAWSER_CONFIG_SEVERITY_ERROR, "error"),
                    G_DEFINE_ENUM_VALUE (HAWSER_CONFIG_SEVERITY_WARNING, "warning"))

struct _HawserConfigProblem {
  gatomicrefcount ref_count;
  HawserConfigSeverity severity;
  char *file;
  guint line, column;
  char *text;
};

G_DEFINE_BOXED_TYPE (HawserConfigProblem, hawser_config_problem, hawser_config_problem_ref, hawser_config_problem_unref)

/**
 * hawser_config_problem_new:
 * @severity: whether the configuration can be used all the same
 * @file: path or name of the text
 * @line: line, from 1; 0 when the whole file is meant
 * @column: character in the line, from 1
 * @text: lower case, without a full stop
 *
 * Context: any thread.
 *
 * Returns: (transfer full): a problem
 * Since: 0.1
 */
HawserConfigProblem *
hawser_config_problem_new (HawserConfigSeverity severity, const char *file, guint line, guint column, const char *text)
{
  HawserConfigProblem *self = g_new0 (HawserConfigProblem, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->severity = severity;
  self->file = g_strdup (file);
  self->line = line;
  self->column = column;
  self->text = g_utf8_make_valid (text, -1);
  return self;
}

/**
 * hawser_config_problem_to_string:
 * @self: a problem
 *
 * Context: any thread.
 *
 * Returns: (transfer full): `FILE:LINE:COLUMN: error: TEXT`, as compilers and editors know it
 * Since: 0.1
 */
char *
hawser_config_problem_to_string (HawserConfigProblem *self)
{
  const char *severity = self->severity == HAWSER_CONFIG_SEVERITY_ERROR ? "error" : "warning";

  if (self->line == 0)
    return g_strdup_printf ("%s: %s: %s", self->file, severity, self->text);
  return g_strdup_printf ("%s:%u:%u: %s: %s", self->file, self->line, self->column, severity, self->text);
}

/**
 * hawser_config_problem_get_severity:
 * @self: a problem
 *
 * Returns: error or warning
 * Since: 0.1
 */
HawserConfigSeverity
hawser_config_problem_get_severity (HawserConfigProblem *self)
{
  return self->severity;
}

/**
 * hawser_config_problem_get_file:
 * @self: a problem
 *
 * Returns: path of the file, or the name given to hawser_config_add_text()
 * Since: 0.1
 */
const char *
hawser_config_problem_get_file (HawserConfigProblem *self)
{
  return self->file;
}

/**
 * hawser_config_problem_get_line:
 * @self: a problem
 *
 * Returns: line, from 1; 0 when the whole file is meant
 * Since: 0.1
 */
guint
hawser_config_problem_get_line (HawserConfigProblem *self)
{
  return self->line;
}

/**
 * hawser_config_problem_get_column:
 * @self: a problem
 *
 * Returns: character in the line, from 1
 * Since: 0.1
 */
guint
hawser_config_problem_get_column (HawserConfigProblem *self)
{
  return self->column;
}

/**
 * hawser_config_problem_get_text:
 * @self: a problem
 *
 * Returns: what is wrong, in one line
 * Since: 0.1
 */
const char *
hawser_config_problem_get_text (HawserConfigProblem *self)
{
  return self->text;
}

/**
 * hawser_config_problem_ref:
 * @self: a problem
 *
 * Returns: (transfer full): @self
 * Since: 0.1
 */
HawserConfigProblem *
hawser_config_problem_ref (HawserConfigProblem *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/**
 * hawser_config_problem_unref:
 * @self: (nullable) (transfer full): a problem
 *
 * Since: 0.1
 */
void
hawser_config_problem_unref (HawserConfigProblem *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_free (self->file);
  g_free (self->text);
  g_free (self);
}
