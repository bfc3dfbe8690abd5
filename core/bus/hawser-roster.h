/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Private: things that come to a bus and go, such as its listeners; a list model of them for who asks. One lane. */

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct {
  GPtrArray *items;                  /* in the order they came; not owned: each leaves before it ends */
  GListStore *model;                 /* NULL: nobody asked */
} HawserRoster;

void        hawser_roster_init      (HawserRoster *self);
void        hawser_roster_clear     (HawserRoster *self);
void        hawser_roster_add       (HawserRoster *self,
                                     gpointer      item);
void        hawser_roster_remove    (HawserRoster *self,
                                     gpointer      item);
/* (transfer none) Made by the first call. */
GListModel *hawser_roster_get_model (HawserRoster *self);

G_END_DECLS
