// The sync backend of TypeScript LiveStore, by its public entry points. Stores whose names begin with `auth-` want a token.
import { makeDurableObject, makeWorker } from '@livestore/sync-cf/cf-worker'

export class SyncBackendDO extends makeDurableObject() {}

export default makeWorker({
  syncBackendBinding: 'SYNC_BACKEND_DO',
  enableCORS: true,
  validatePayload: (payload, { storeId }) => {
    if (storeId.startsWith('auth-') && payload?.authToken !== 'good-token') throw new Error('Invalid auth token')
  },
})
