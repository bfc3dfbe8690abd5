/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

/* What a behaviour of twins must do: answer each case of a table as the table says, twice the same. Introspected as
 * HawserContract, so that one table tests a behaviour in every language.
 *
 * The table is a JSON array of cases: `name`; `state` (`state`, `reported`, `desired`, `attributes`, `children`, as in the JSON of a
 * twin but values alone); what comes: `id`, `topic`, and `payload` (JSON) or `text`; and what is answered: `changes` (none if it is
 * missing), `out` (an array of `topic` and `payload`), or `error` (the nick of its code). */

HAWSER_AVAILABLE_IN_ALL
char   **contract_twin_behavior_list_cases (const char          *path,
                                            GError             **error);
HAWSER_AVAILABLE_IN_ALL
gboolean contract_twin_behavior_check      (const char          *path,
                                            const char          *name,
                                            HawserTwinBehavior  *behavior,
                                            GError             **error);

#ifndef HAWSER_GIR
/* For tests in C: adds /twin-behavior/NAME/CASE for each case. Called before g_test_run(). */
void     contract_twin_behavior_add        (const char          *name,
                                            GType                type,
                                            const char          *path);
#endif

G_END_DECLS
