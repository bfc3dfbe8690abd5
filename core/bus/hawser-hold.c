/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Counts the receivers that a publisher waits for. A pipeline has one; connections are paused instead. */

#include "hawser-hold-private.h"

struct _HawserHold {
  GObject parent_instance;
  void (*released) (gpointer data);
  gpointer data;
  guint n_receivers;
};

G_DEFINE_FINAL_TYPE (HawserHold, hawser_hold, G_TYPE_OBJECT)

static void
hawser_hold_class_init (HawserHoldClass *klass)
{
}

static void
hawser_hold_init (HawserHold *self)
{
}

HawserHold *
hawser_hold_new (void (*released) (gpointer data), gpointer data)
{
  HawserHold *self = g_object_new (HAWSER_TYPE_HOLD, NULL);

  self->released = released;
  self->data = data;
  return self;
}

void
hawser_hold_forget (HawserHold *self)
{
  self->released = NULL;
}

gboolean
hawser_hold_is_held (HawserHold *self)
{
  return self->n_receivers > 0;
}

void
hawser_hold_add (HawserHold *self)
{
  self->n_receivers++;
}

void
hawser_hold_remove (HawserHold *self)
{
  g_assert (self->n_receivers > 0);
  if (--self->n_receivers == 0 && self->released != NULL)
    self->released (self->data);
}
