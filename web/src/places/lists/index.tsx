export { NotFound as default } from '../../shell/notfound'
