/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>
#include "store-mark.h"

G_BEGIN_DECLS

/* Makes a sound store at @path of what is sound in the files there, which nobody has open and which are kept under
 * another name. */
gboolean store_salvage        (const char              *path,
                               StoreWitness             witness,
                               HawserStoreProblemFunc   problem,
                               gpointer                 data,
                               GError                 **error);

/* Ends a salvage that was interrupted after its new file was complete; does nothing otherwise. */
gboolean store_salvage_finish (const char              *path,
                               GError                 **error);

G_END_DECLS
