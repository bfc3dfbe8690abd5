/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The configuration as hawserd would read it, for the verbs that look at it without a daemon. */

#include "tool.h"

G_BEGIN_DECLS

/* @files: NULL or empty: what the system has. All problems are in it, none is printed. */
HawserConfig *tool_config_load (Tool *tool, char **files);

G_END_DECLS
