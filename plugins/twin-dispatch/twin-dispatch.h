/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

#define TWIN_TYPE_DISPATCH (twin_dispatch_get_type())
G_DECLARE_FINAL_TYPE (TwinDispatch, twin_dispatch, TWIN, DISPATCH, GObject)

G_END_DECLS
