/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Twins as a GListModel of HawserTwin: all of them, or the children of one. The list has references, not objects: an object is
 * made when a row is asked for. It follows the table at most each 100 ms, in one signal for each stretch that changed. Context:
 * the bus's. */

#include "hawser-twins-private.h"

#include <string.h>

#define NOTIFY_US (G_USEC_PER_SEC / 10)

#define HAWSER_TYPE_TWIN_LIST (hawser_twin_list_get_type ())
G_DECLARE_FINAL_TYPE (HawserTwinList, hawser_twin_list, HAWSER, TWIN_LIST, GObject)

typedef struct {
  HawserTwinRef twin;
  guint32 hash;                      /* of its name: a reference may be used again */
} Row;

struct _HawserTwinList {
  GObject parent_instance;
  HawserTwins *twins;                /* NULL: gone */
  char *parent;                      /* NULL: all */
  GArray *rows;                      /* of Row */
};

static void list_model_init (GListModelInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (HawserTwinList, hawser_twin_list, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, list_model_init))

static GType
get_item_type (GListModel *model)
{
  return HAWSER_TYPE_TWIN;
}

static guint
get_n_items (GListModel *model)
{
  return HAWSER_TWIN_LIST (model)->rows->len;
}

static gpointer
get_item (GListModel *model, guint position)
{
  HawserTwinList *self = HAWSER_TWIN_LIST (model);
  Row *row;

  if (position >= self->rows->len || self->twins == NULL)
    return NULL;
  row = &g_array_index (self->rows, Row, position);
  if (hawser_twin_get (self->twins, row->twin)->hash == row->hash)
    return hawser_local_twin_new (self->twins, row->twin);
  /* it left since: the row goes with the next signal, and until then stands for a twin that is not there */
  return hawser_local_twin_new_absent (self->twins);
}

static void
list_model_init (GListModelInterface *iface)
{
  iface->get_item_type = get_item_type;
  iface->get_n_items = get_n_items;
  iface->get_item = get_item;
}

static void
finalize (GObject *object)
{
  HawserTwinList *self = HAWSER_TWIN_LIST (object);

  if (self->twins != NULL)
    g_ptr_array_remove_fast (self->twins->lists, self);
  g_free (self->parent);
  g_array_unref (self->rows);
  G_OBJECT_CLASS (hawser_twin_list_parent_class)->finalize (object);
}

static void
hawser_twin_list_class_init (HawserTwinListClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = finalize;
}

static void
hawser_twin_list_init (HawserTwinList *self)
{
  self->rows = g_array_new (FALSE, FALSE, sizeof (Row));
}

static int
compare_rows (gconstpointer a, gconstpointer b)
{
  const Row *left = a, *right = b;

  return left->twin < right->twin ? -1 : left->twin > right->twin;
}

/* In the order in which twins came. */
static GArray *
list_rows (HawserTwinList *self)
{
  HawserTwins *twins = self->twins;
  GArray *rows = g_array_new (FALSE, FALSE, sizeof (Row));

  if (self->parent == NULL)
    {
      for (HawserTwinRef i = 1; i < twins->n_used; i++)
        if (hawser_twin_get (twins, i)->flags & HAWSER_TWIN_IS_USED)
          {
            const Row row = { i, hawser_twin_get (twins, i)->hash };

            g_array_append_val (rows, row);
          }
    }
  else
    {
      HawserTwinRef parent = hawser_twin_find (twins, self->parent, strlen (self->parent));
      HawserTwinExtra *extra = parent != 0 ? hawser_twin_extra (twins, hawser_twin_get (twins, parent)) : NULL;

      for (guint i = 0; extra != NULL && extra->node != NULL && i < extra->node->n; i++)
        {
          const Row row = { extra->node->children[i], hawser_twin_get (twins, extra->node->children[i])->hash };

          g_array_append_val (rows, row);
        }
      g_array_sort (rows, compare_rows);
    }
  return rows;
}

static gboolean
is_same (const GArray *a, guint i, const GArray *b, guint j)
{
  const Row *left = &g_array_index (a, Row, i), *right = &g_array_index (b, Row, j);

  return left->twin == right->twin && left->hash == right->hash;
}

/* What is the same at both ends stays; the stretch between is told as one change. */
static void
update (HawserTwinList *self)
{
  GArray *rows = list_rows (self), *old = self->rows;
  guint front = 0, back = 0, shorter = MIN (rows->len, old->len);

  while (front < shorter && is_same (rows, front, old, front))
    front++;
  while (back < shorter - front && is_same (rows, rows->len - 1 - back, old, old->len - 1 - back))
    back++;
  self->rows = rows;
  if (front + back < MAX (rows->len, old->len))
    g_list_model_items_changed (G_LIST_MODEL (self), front, old->len - front - back, rows->len - front - back);
  g_array_unref (old);
}

GListModel *
hawser_twin_list_new (HawserTwins *twins, const char *parent)
{
  HawserTwinList *self = g_object_new (HAWSER_TYPE_TWIN_LIST, NULL);
  GArray *rows;

  self->twins = twins;
  self->parent = g_strdup (parent);
  g_ptr_array_add (twins->lists, self);
  rows = list_rows (self);
  g_array_unref (self->rows);
  self->rows = rows;
  return G_LIST_MODEL (self);
}

void
hawser_twin_list_detach (gpointer list)
{
  HAWSER_TWIN_LIST (list)->twins = NULL;
}

/* ---- telling, for lists and single objects ---- */

static void
on_notify (HawserTimer *timer)
{
  HawserTwins *self = (HawserTwins *) (gpointer) ((guint8 *) timer - G_STRUCT_OFFSET (HawserTwins, notify_timer));
  g_autoptr (GPtrArray) lists = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GPtrArray) facades = g_ptr_array_new_with_free_func (g_object_unref);
  GHashTableIter iter;
  gpointer facade;

  for (guint i = 0; i < self->lists->len; i++)
    g_ptr_array_add (lists, g_object_ref (self->lists->pdata[i]));
  g_hash_table_iter_init (&iter, self->facades);
  while (g_hash_table_iter_next (&iter, NULL, &facade))
    g_ptr_array_add (facades, g_object_ref (facade));
  for (guint i = 0; i < lists->len; i++)
    if (HAWSER_TWIN_LIST (lists->pdata[i])->twins != NULL)
      update (lists->pdata[i]);
  for (guint i = 0; i < facades->len; i++)
    hawser_local_twin_notify (facades->pdata[i]);
}

void
hawser_twins_notify_later (HawserTwins *self)
{
  if ((self->lists->len == 0 && g_hash_table_size (self->facades) == 0) || hawser_timer_is_armed (&self->notify_timer))
    return;
  hawser_timer_arm (&self->notify_timer, self->bus->lane, hawser_lane_get_now_us (self->bus->lane) + NOTIFY_US, on_notify);
}
