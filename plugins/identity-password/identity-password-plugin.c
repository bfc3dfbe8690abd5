/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The identity provider `type=password`: a file of hashed passwords. Checking one takes some 20 ms on purpose, so it is done
 * by at most two workers that this provider owns, with a bounded queue before them; the answer comes back to the caller's
 * context. A file that is missing, empty or broken refuses everybody; a reload that fails keeps nobody in by an old file. */

#include <hawser/hawser.h>

#include <sys/stat.h>

#include <openssl/crypto.h>

#include "password-file.h"

#define N_WORKERS 2      /* half of a small machine: logging in must not stop the traffic of who is in */
#define MAX_QUEUED 1024  /* about 10 s of work; more would time out anyway */

#define IDENTITY_TYPE_PASSWORD (identity_password_get_type())
G_DECLARE_FINAL_TYPE (IdentityPassword, identity_password, IDENTITY, PASSWORD, GObject)

struct _IdentityPassword {
  GObject parent_instance;
  char *path;
  PasswordFile *file;
  GThreadPool *workers;
};

typedef struct {
  PasswordFile *file;
  char *name;
  GBytes *secret;
} Question;

static void identity_init (HawserIdentityInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (IdentityPassword, identity_password, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_IDENTITY, identity_init))

static void
free_question (gpointer data)
{
  Question *question = data;

  password_file_unref (question->file);
  g_free (question->name);
  g_bytes_unref (question->secret);
  g_free (question);
}

/* ---- identity ---- */

static void
warn_if_exposed (IdentityPassword *self)
{
  struct stat info;

  if (stat (self->path, &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    g_warning ("password file '%s': others than its owner may read or write it (mode %04o)", self->path, (guint) info.st_mode & 07777);
}

static PasswordFile *
read_file (IdentityPassword *self, GError **error)
{
  g_autofree char *bytes = NULL;
  g_autoptr (GError) cause = NULL;
  gsize len;
  struct stat info;

  if (self->path == NULL || *self->path == '\0')
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "password-file is not set");
      return NULL;
    }
  if (stat (self->path, &info) == 0 && (!S_ISREG (info.st_mode) || info.st_size > PASSWORD_FILE_MAX_LEN))
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "not a file of at most 16 MiB");
      return NULL;
    }
  if (!g_file_get_contents (self->path, &bytes, &len, &cause))
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND, cause->message);
      return NULL;
    }
  return password_file_parse (bytes, len, error);
}

static gboolean
load (HawserIdentity *identity, GError **error)
{
  IdentityPassword *self = IDENTITY_PASSWORD (identity);
  PasswordFile *file = read_file (self, error);

  g_clear_pointer (&self->file, password_file_unref);
  self->file = file != NULL ? file : password_file_new_empty ();
  if (file == NULL)
    {
      g_prefix_error (error, "password file '%s': ", self->path != NULL ? self->path : "");
      return FALSE;
    }
  warn_if_exposed (self);
  return TRUE;
}

static gboolean
understands (HawserIdentity *identity, HawserCredentialKind kind)
{
  return kind == HAWSER_CREDENTIAL_PASSWORD;
}

/* On a worker. GTask brings the answer to the context that asked. */
static void
answer (gpointer data, gpointer user_data)
{
  g_autoptr (GTask) task = data;
  Question *question = g_task_get_task_data (task);
  HawserPrincipal *principal;
  const guint8 *password;
  gsize len;

  if (g_task_return_error_if_cancelled (task))
    return;
  password = g_bytes_get_data (question->secret, &len);
  principal = password_file_verify (question->file, question->name, password != NULL ? password : (const guint8 *) "", len);
  OPENSSL_thread_stop (); /* the pool keeps its threads, and OpenSSL would keep what it holds for each */
  if (principal != NULL)
    g_task_return_pointer (task, principal, (GDestroyNotify) hawser_principal_unref);
  else
    g_task_return_new_error (task, HAWSER_ERROR, HAWSER_ERROR_NOT_AUTHORIZED, "wrong user name or password");
}

static void
authenticate_async (HawserIdentity *identity, HawserCredentialKind kind, const char *name, GBytes *secret, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  IdentityPassword *self = IDENTITY_PASSWORD (identity);
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  Question *question;

  g_task_set_source_tag (task, authenticate_async);
  g_task_set_name (task, "identity-password-authenticate");
  if (kind != HAWSER_CREDENTIAL_PASSWORD || name == NULL || secret == NULL || g_bytes_get_size (secret) > PASSWORD_MAX_LEN)
    {
      g_task_return_new_error (task, HAWSER_ERROR, HAWSER_ERROR_NOT_AUTHORIZED, "wrong user name or password");
      g_object_unref (task);
      return;
    }
  if (g_thread_pool_unprocessed (self->workers) >= MAX_QUEUED)
    {
      g_task_return_new_error (task, HAWSER_ERROR, HAWSER_ERROR_QUOTA, "more than %d passwords wait to be checked", MAX_QUEUED);
      g_object_unref (task);
      return;
    }
  question = g_new0 (Question, 1);
  question->file = password_file_ref (self->file);
  question->name = g_strdup (name);
  question->secret = g_bytes_ref (secret);
  g_task_set_task_data (task, question, free_question);
  g_thread_pool_push (self->workers, task, NULL);
}

static HawserPrincipal *
authenticate_finish (HawserIdentity *identity, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static char *
find_verifier (HawserIdentity *identity, const char *name, HawserPrincipal **out_principal)
{
  return password_file_find_verifier (IDENTITY_PASSWORD (identity)->file, name, out_principal);
}

static HawserPrincipal *
find_principal (HawserIdentity *identity, const char *name)
{
  return password_file_find_principal (IDENTITY_PASSWORD (identity)->file, name);
}

static void
identity_init (HawserIdentityInterface *iface)
{
  iface->load = load;
  iface->understands = understands;
  iface->authenticate_async = authenticate_async;
  iface->authenticate_finish = authenticate_finish;
  iface->find_verifier = find_verifier;
  iface->find_principal = find_principal;
}

/* ---- object ---- */

/* Every task holds a reference to the provider, so no worker is busy any more here; it may be the last one's own thread. */
static void
finalize (GObject *object)
{
  IdentityPassword *self = IDENTITY_PASSWORD (object);

  g_thread_pool_free (self->workers, FALSE, FALSE);
  password_file_unref (self->file);
  G_OBJECT_CLASS (identity_password_parent_class)->finalize (object);
}

static void
identity_password_class_init (IdentityPasswordClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = finalize;
  HAWSER_SETTING (klass, IdentityPassword, path,
                  g_param_spec_string ("password-file", NULL, "File of users: NAME:HASH or NAME:HASH:CLAIM=VALUE;CLAIM=VALUE on each line", NULL,
                                       HAWSER_SETTING_FLAGS));
}

static void
identity_password_init (IdentityPassword *self)
{
  self->file = password_file_new_empty ();
  self->workers = g_thread_pool_new (answer, NULL, N_WORKERS, FALSE, NULL);
}

static void
provide (HawserPluginRegistry *registry)
{
  hawser_plugin_registry_provide (registry, "identity", "password", IDENTITY_TYPE_PASSWORD);
}

HAWSER_PLUGIN_DEFINE (identity_password, "identity-password", HAWSER_VERSION_S, provide)
