/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-types.h"

G_BEGIN_DECLS

/**
 * HawserConfigSeverity:
 * @HAWSER_CONFIG_SEVERITY_ERROR: the configuration cannot be used
 * @HAWSER_CONFIG_SEVERITY_WARNING: it can, but probably does not mean what was meant
 *
 * Since: 0.1
 */
typedef enum {
  HAWSER_CONFIG_SEVERITY_ERROR,
  HAWSER_CONFIG_SEVERITY_WARNING,
} HawserConfigSeverity;

#define HAWSER_TYPE_CONFIG_SEVERITY (hawser_config_severity_get_type())
HAWSER_AVAILABLE_IN_ALL
GType                hawser_config_severity_get_type    (void) G_GNUC_CONST;

typedef struct _HawserConfigProblem HawserConfigProblem;

#define HAWSER_TYPE_CONFIG_PROBLEM (hawser_config_problem_get_type())
HAWSER_AVAILABLE_IN_ALL
GType                hawser_config_problem_get_type     (void) G_GNUC_CONST;

HAWSER_AVAILABLE_IN_ALL
HawserConfigProblem *hawser_config_problem_new          (HawserConfigSeverity  severity,
                                                         const char           *file,
                                                         guint                 line,
                                                         guint                 column,
                                                         const char           *text);

HAWSER_AVAILABLE_IN_ALL
char                *hawser_config_problem_to_string    (HawserConfigProblem  *self);

HAWSER_AVAILABLE_IN_ALL
HawserConfigSeverity hawser_config_problem_get_severity (HawserConfigProblem  *self);
HAWSER_AVAILABLE_IN_ALL
const char          *hawser_config_problem_get_file     (HawserConfigProblem  *self);
HAWSER_AVAILABLE_IN_ALL
guint                hawser_config_problem_get_line     (HawserConfigProblem  *self);
HAWSER_AVAILABLE_IN_ALL
guint                hawser_config_problem_get_column   (HawserConfigProblem  *self);
HAWSER_AVAILABLE_IN_ALL
const char          *hawser_config_problem_get_text     (HawserConfigProblem  *self);

HAWSER_AVAILABLE_IN_ALL
HawserConfigProblem *hawser_config_problem_ref          (HawserConfigProblem  *self);
HAWSER_AVAILABLE_IN_ALL
void                 hawser_config_problem_unref        (HawserConfigProblem  *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HawserConfigProblem, hawser_config_problem_unref)

G_END_DECLS
