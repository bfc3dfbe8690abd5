/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A list, and a list model behind it only if somebody looks. */

#include "hawser-roster.h"

void
hawser_roster_init (HawserRoster *self)
{
  self->items = g_ptr_array_new ();
}

void
hawser_roster_clear (HawserRoster *self)
{
  g_clear_pointer (&self->items, g_ptr_array_unref);
  g_clear_object (&self->model);
}

void
hawser_roster_add (HawserRoster *self, gpointer item)
{
  g_ptr_array_add (self->items, item);
  if (self->model != NULL)
    g_list_store_append (self->model, item);
}

void
hawser_roster_remove (HawserRoster *self, gpointer item)
{
  guint position;

  g_ptr_array_remove (self->items, item);
  if (self->model != NULL && g_list_store_find (self->model, item, &position))
    g_list_store_remove (self->model, position);
}

GListModel *
hawser_roster_get_model (HawserRoster *self)
{
  if (self->model == NULL)
    {
      self->model = g_list_store_new (G_TYPE_OBJECT);
      for (guint i = 0; i < self->items->len; i++)
        g_list_store_append (self->model, self->items->pdata[i]);
    }
  return G_LIST_MODEL (self->model);
}
