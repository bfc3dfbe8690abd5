/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The object of one twin of the table, as long as somebody holds it: it has the id and asks the table for the rest. When the
 * twin leaves, the object stays and says offline. Context: the bus's. */

#include "hawser-twins-private.h"

#include <string.h>

#include "hawser-error.h"

struct _HawserLocalTwin {
  GObject parent_instance;
  HawserTwins *twins;                /* NULL: the bus is gone */
  HawserTwinRef twin;                /* 0: not in memory */
  char *id;
  GListModel *children;
  HawserTwinState told_state;
  guint64 told_revision;
  HawserTwinRef told_parent;
};

#define HAWSER_TYPE_LOCAL_TWIN (hawser_local_twin_get_type ())
G_DECLARE_FINAL_TYPE (HawserLocalTwin, hawser_local_twin, HAWSER, LOCAL_TWIN, GObject)

static void twin_iface_init (HawserTwinInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (HawserLocalTwin, hawser_local_twin, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_TWIN, twin_iface_init))

enum {
  PROP_ID = 1,
  PROP_PARENT,
  PROP_TITLE,
  PROP_STATE,
  PROP_REVISION,
};

/* Again in memory after it had left? */
static HawserTwinRef
find (HawserLocalTwin *self)
{
  if (self->twin == 0 && self->twins != NULL)
    {
      self->twin = hawser_twin_find (self->twins, self->id, strlen (self->id));
      if (self->twin != 0)
        {
          hawser_twin_get (self->twins, self->twin)->flags |= HAWSER_TWIN_IS_WATCHED;
          g_hash_table_insert (self->twins->facades, GUINT_TO_POINTER (self->twin), self);
        }
    }
  return self->twin;
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  HawserLocalTwin *self = HAWSER_LOCAL_TWIN (object);
  HawserTwinRecord *record = find (self) != 0 ? hawser_twin_get (self->twins, self->twin) : NULL;

  switch (id)
    {
    case PROP_ID: g_value_set_string (value, self->id); break;
    case PROP_PARENT:
      if (record != NULL && record->parent != 0)
        g_value_set_string (value, hawser_twin_name (self->twins, hawser_twin_get (self->twins, record->parent))->text);
      break;
    case PROP_TITLE:
      if (record != NULL && hawser_twin_family (self->twins, record)->is_single && hawser_twin_family (self->twins, record)->title != NULL)
        g_value_set_string (value, hawser_twin_family (self->twins, record)->title);
      else
        g_value_set_string (value, self->id);
      break;
    case PROP_STATE: g_value_set_enum (value, record != NULL ? record->state : HAWSER_TWIN_STATE_OFFLINE); break;
    case PROP_REVISION: g_value_set_uint64 (value, record != NULL ? record->revision : 0); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
dispose (GObject *object)
{
  HawserLocalTwin *self = HAWSER_LOCAL_TWIN (object);

  if (self->twins != NULL && self->twin != 0)
    {
      hawser_twin_get (self->twins, self->twin)->flags &= (guint8) ~HAWSER_TWIN_IS_WATCHED;
      g_hash_table_remove (self->twins->facades, GUINT_TO_POINTER (self->twin));
    }
  if (self->twins != NULL)
    g_object_remove_weak_pointer (G_OBJECT (self->twins), (gpointer *) &self->twins);
  self->twins = NULL;
  g_clear_object (&self->children);
  G_OBJECT_CLASS (hawser_local_twin_parent_class)->dispose (object);
}

static void
finalize (GObject *object)
{
  g_free (HAWSER_LOCAL_TWIN (object)->id);
  G_OBJECT_CLASS (hawser_local_twin_parent_class)->finalize (object);
}

static void
hawser_local_twin_class_init (HawserLocalTwinClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = get_property;
  object_class->dispose = dispose;
  object_class->finalize = finalize;
  g_object_class_override_property (object_class, PROP_ID, "id");
  g_object_class_override_property (object_class, PROP_PARENT, "parent");
  g_object_class_override_property (object_class, PROP_TITLE, "title");
  g_object_class_override_property (object_class, PROP_STATE, "state");
  g_object_class_override_property (object_class, PROP_REVISION, "revision");
}

static void
hawser_local_twin_init (HawserLocalTwin *self)
{
}

static char *
dup_json (HawserTwin *twin)
{
  HawserLocalTwin *self = HAWSER_LOCAL_TWIN (twin);

  return self->twins != NULL ? hawser_twins_dup_json (self->twins, self->id, NULL) : NULL;
}

static GListModel *
get_children (HawserTwin *twin)
{
  HawserLocalTwin *self = HAWSER_LOCAL_TWIN (twin);

  if (self->children == NULL && find (self) != 0)
    {
      HawserTwinExtra *extra = hawser_twin_extra (self->twins, hawser_twin_get (self->twins, self->twin));

      if (extra != NULL && extra->node != NULL)
        self->children = hawser_twin_list_new (self->twins, self->id);
    }
  return self->children;
}

static gboolean
patch (HawserTwin *twin, const char *text, GError **error)
{
  HawserLocalTwin *self = HAWSER_LOCAL_TWIN (twin);

  if (self->twins != NULL)
    return hawser_twins_patch (self->twins, self->id, text, -1, HAWSER_TWIN_ANY_REVISION, NULL, NULL, error);
  g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_CLOSED, "the bus is closed");
  return FALSE;
}

static void
twin_iface_init (HawserTwinInterface *iface)
{
  iface->dup_json = dup_json;
  iface->get_children = get_children;
  iface->patch = patch;
}

HawserLocalTwin *
hawser_local_twin_new (HawserTwins *twins, HawserTwinRef twin)
{
  HawserTwinRecord *record = hawser_twin_get (twins, twin);
  HawserLocalTwin *self = g_hash_table_lookup (twins->facades, GUINT_TO_POINTER (twin));

  if (self != NULL)
    return g_object_ref (self);
  self = g_object_new (HAWSER_TYPE_LOCAL_TWIN, NULL);
  self->twins = twins;
  g_object_add_weak_pointer (G_OBJECT (twins), (gpointer *) &self->twins);
  self->twin = twin;
  self->id = g_strdup (hawser_twin_name (twins, record)->text);
  self->told_state = record->state;
  self->told_revision = record->revision;
  self->told_parent = record->parent;
  record->flags |= HAWSER_TWIN_IS_WATCHED;
  g_hash_table_insert (twins->facades, GUINT_TO_POINTER (twin), self);
  return self;
}

HawserLocalTwin *
hawser_local_twin_new_absent (HawserTwins *twins)
{
  HawserLocalTwin *self = g_object_new (HAWSER_TYPE_LOCAL_TWIN, NULL);

  self->twins = twins;
  g_object_add_weak_pointer (G_OBJECT (twins), (gpointer *) &self->twins);
  self->id = g_strdup ("");
  return self;
}

void
hawser_local_twin_detach (HawserLocalTwin *self)
{
  self->twin = 0;
}

/* On the interval of notification: what changed since the last one. */
void
hawser_local_twin_notify (HawserLocalTwin *self)
{
  GObject *object = G_OBJECT (self);
  HawserTwinRecord *record;

  if (self->twins == NULL || self->twin == 0)
    return;
  record = hawser_twin_get (self->twins, self->twin);
  if (self->told_state == record->state && self->told_revision == record->revision && self->told_parent == record->parent)
    return;
  g_object_ref (self);
  g_object_freeze_notify (object);
  if (self->told_state != record->state)
    g_object_notify (object, "state");
  if (self->told_revision != record->revision)
    g_object_notify (object, "revision");
  if (self->told_parent != record->parent)
    g_object_notify (object, "parent");
  self->told_state = record->state;
  self->told_revision = record->revision;
  self->told_parent = record->parent;
  g_object_thaw_notify (object);
  g_signal_emit_by_name (self, "changed");
  g_object_unref (self);
}
